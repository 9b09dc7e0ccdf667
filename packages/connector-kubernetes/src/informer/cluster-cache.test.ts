import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { fakeFingerprint } from '../../test/fixtures.ts'
import { KubernetesError } from '../api/errors.ts'
import type { ApiResource, Discovery, KubernetesApi } from '../api/kubernetes-api.ts'
import { projectAutoscaler } from '../kinds/autoscaler/autoscaler.ts'
import { openClusterCache } from './cluster-cache.ts'

const autoscalers = (version: string): ApiResource => ({
  group: 'autoscaling',
  version,
  resource: 'horizontalpodautoscalers',
  kind: 'HorizontalPodAutoscaler',
  isNamespaced: true,
  verbs: ['list', 'watch'],
})
const down = (version: string) => ({ group: 'autoscaling', version, error: new KubernetesError('no', { status: 503 }) })
const scaler = (name: string, resourceVersion = '1') => ({
  metadata: { name, uid: name, namespace: 'a', resourceVersion },
})

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const kinds = {
  horizontalPodAutoscalers: {
    resource: 'horizontalpodautoscalers',
    versions: ['autoscaling/v2', 'autoscaling/v1'],
    project: projectAutoscaler,
  },
} as const

/** Opens a cache on a server with the given kinds. */
async function scene(first: Discovery, namespaces: readonly string[] = []) {
  const server = { discovery: first, objects: [scaler('web')] }
  const lists: string[] = []
  const api: Pick<KubernetesApi, 'discover' | 'list' | 'watch'> = {
    discover: async () => server.discovery,
    list: async ({ version, resource }, { onItems, namespace }) => {
      if (namespace === 'locked') throw new KubernetesError('allow verb `list`', { status: 403 })
      lists.push(`${resource} ${version}`)
      onItems(server.objects)
      return '1'
    },
    watch: (_resource, { onOpen }, signal) => {
      onOpen?.()
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    },
  }
  const { signal } = new AbortController()
  const cluster = await openClusterCache(
    { api: api as KubernetesApi, kinds, namespaces, keyedHash: fakeFingerprint },
    signal,
  )
  onTestFinished(cluster.close)
  const changes: string[] = []
  cluster.subscribe((change) => {
    const { name } = change.type === 'deleted' ? change.old : change.object
    changes.push(`${change.type} ${name}${change.type === 'added' && change.isInitial ? ' initially' : ''}`)
  })
  await cluster.listed(signal)
  return { cluster, server, lists, changes }
}

describe('openClusterCache', () => {
  test('keeps watching the previous version of a group that temporarily does not answer', async () => {
    const { cluster, server, lists } = await scene({ resources: [autoscalers('v2')], failures: [] })
    server.discovery = { resources: [autoscalers('v1')], failures: [down('v2')] }
    await vi.advanceTimersByTimeAsync(600_000)
    expect(cluster.resource('horizontalPodAutoscalers')).toMatchObject({ version: 'v2' })
    server.discovery = { resources: [], failures: [down('v1'), down('v2')] }
    await vi.advanceTimersByTimeAsync(600_000)
    expect(cluster.syncStatus('horizontalPodAutoscalers')).toMatchObject({ isCurrent: true })
    expect(cluster.missing('horizontalPodAutoscalers')).toBeUndefined()
    expect(lists).toEqual(['horizontalpodautoscalers v2'])
  })

  test('knows which namespaces were never listed', async () => {
    const { cluster } = await scene({ resources: [autoscalers('v2')], failures: [] }, ['a', 'locked'])
    expect(cluster.syncStatus('horizontalPodAutoscalers')).toMatchObject({
      isListed: true,
      isCurrent: false,
      unlisted: ['locked'],
      gaps: [{ scope: 'kubernetes:horizontalpodautoscalers/locked', reason: 'allow verb `list`' }],
    })
    const whole = await scene({ resources: [autoscalers('v2')], failures: [] })
    expect(whole.cluster.syncStatus('horizontalPodAutoscalers')).toMatchObject({ unlisted: [] })
  })

  test('discovers a group again after a minute that did not answer at the start', async () => {
    const { cluster, server, lists } = await scene({ resources: [], failures: [down('v2')] })
    expect(cluster.missing('horizontalPodAutoscalers')).toContain('does not answer')
    server.discovery = { resources: [autoscalers('v2')], failures: [] }
    await vi.advanceTimersByTimeAsync(60_000)
    expect(lists).toEqual(['horizontalpodautoscalers v2'])
    expect(cluster.objects('horizontalPodAutoscalers').size).toBe(1)
  })

  test('reports objects that came and went while a kind was not watched, or in another version', async () => {
    const { cluster, server, changes } = await scene({ resources: [autoscalers('v1')], failures: [] })
    server.discovery = { resources: [], failures: [] }
    await vi.advanceTimersByTimeAsync(600_000)
    server.objects = [scaler('shop', '2')]
    server.discovery = { resources: [autoscalers('v2')], failures: [] }
    await vi.advanceTimersByTimeAsync(600_000)
    expect(changes).toEqual(['added web initially', 'added shop', 'deleted web'])
    expect([...cluster.objects('horizontalPodAutoscalers').keys()]).toEqual(['shop'])
  })
})
