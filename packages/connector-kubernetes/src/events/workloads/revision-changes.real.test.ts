import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Event } from '@rca/core/connector'
import { type ApiServer, findKubectl, missingForApiServer, run, startApiServer } from '@rca/rig'
import { realDescribe } from '@rca/rig/real'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { withChange } from '../../../test/changed-object.ts'
import { type RevisionOptions, revisionOf } from '../../../test/revisions.ts'
import { undeclared } from '../../../test/watch-declared.ts'
import { watchServer } from '../../../test/watched-server.ts'
import { watchers } from '../watchers.ts'

const kubectl = (await findKubectl()) ?? ''
const absence = kubectl === '' ? { missing: '`kubectl` is not installed' } : await missingForApiServer()
const POLL = { timeout: 10_000 }

/**
 * Imitates the controller of Argo Rollouts. Its kind is not installed: the server does not check that the kind of an
 * owner exists.
 */
realDescribe('a Rollout of a real cluster', absence, () => {
  const folder = mkdtempSync(join(tmpdir(), 'rca-revisions-'))
  const pending: Event[] = []
  let server: ApiServer
  let marks = 0
  let end: () => Promise<void> = async () => undefined

  const ask = (words: readonly string[], options?: { readonly input: string }): Promise<string> =>
    run(kubectl, ['--kubeconfig', server.kubeconfigOf('admin'), '--namespace', 'shop', ...words], options)
  const create = (hash: string, options: RevisionOptions): Promise<string> =>
    ask(['create', '--filename=-'], { input: JSON.stringify(revisionOf(hash, options)) })
  const scale = (hash: string, replicas: number): Promise<string> =>
    ask(['scale', 'replicaset', `web-${hash}`, `--replicas=${replicas}`])
  /** Returns the events before that of a marker: a ReplicaSet without an owner, which is always reported. */
  const next = async (): Promise<Event[]> => {
    marks += 1
    const mark = withChange(revisionOf(`mark-${marks}`, { revision: 1 }), ['metadata', 'ownerReferences'], [])
    await ask(['create', '--filename=-'], { input: JSON.stringify(mark) })
    const isMark = ({ body }: Event): boolean => body.startsWith('ReplicaSet shop/web-mark-')
    await expect.poll(() => pending.some(isMark), POLL).toBe(true)
    const events = pending.splice(0).filter((event) => !isMark(event))
    expect(events.flatMap(undeclared)).toEqual([])
    expect(JSON.stringify(events)).not.toMatch(/canary|argoproj|#\d/)
    return events
  }

  beforeAll(async () => {
    server = await startApiServer({ folder })
    await run(kubectl, ['--kubeconfig', server.kubeconfigOf('admin'), 'create', 'namespace', 'shop'])
    await create('a', { revision: 1, replicas: 4 })
    const watched = await watchServer({ kubeconfig: server.kubeconfigOf('viewer'), namespaces: ['shop'] })
    watched.watch(watchers, (event) => void pending.push(event))
    end = watched.end
  }, 120_000)
  afterAll(async () => {
    await end()
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }, 60_000)

  test('reports another image by its new ReplicaSet', async () => {
    expect(await next()).toEqual([])
    await create('b', { revision: 2, image: 'shop/web:2' })
    expect(await next()).toMatchObject([
      {
        name: 'k8s.workload.changed',
        id: 'k8s/rollout-1/2/changed',
        entity: { type: 'k8s.replicaset', id: 'shop/web-b' },
        body: 'Rollout shop/web was changed: app: shop/web:1 → shop/web:2',
        attributes: {
          'change.fields': ['image'],
          'k8s.workload.kind': 'Rollout',
          'k8s.workload.name': 'web',
          'k8s.workload.revision': '2',
          'k8s.helm.release': 'shop',
        },
      },
    ])
  })

  test('does not report a canary that is scaled, aborted and retried', async () => {
    for (const replicas of [1, 0, 2, 4]) await scale('b', replicas)
    await scale('a', 0)
    expect(await next()).toEqual([])
  })

  test('reports a rollback by the ReplicaSet that is desired again', async () => {
    await ask(['annotate', '--overwrite', 'replicaset', 'web-a', 'rollout.argoproj.io/revision=3'])
    await scale('a', 4)
    await scale('b', 0)
    expect(await next()).toMatchObject([
      {
        id: 'k8s/rollout-1/3/changed',
        entity: { id: 'shop/web-a' },
        body: 'Rollout shop/web was rolled back to revision 1: app: shop/web:2 → shop/web:1',
      },
    ])
  })

  test('ignores ReplicaSets of another owner', async () => {
    await create('c', { revision: 4, image: 'shop/web:3', owner: { name: 'other', uid: 'rollout-2' } })
    expect(await next()).toEqual([])
  })
})
