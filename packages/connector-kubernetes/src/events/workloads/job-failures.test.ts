import { describe, expect, test } from 'vitest'
import { followedCluster } from '../../../test/followed-cluster.ts'
import { watchDeclared } from '../../../test/watch-declared.ts'
import { jobFailures } from './job-failures.ts'

const now = new Date('2026-11-25T02:00:00Z')
const since = '2026-11-25T01:59:00Z'

describe('a Job', () => {
  const failed = (name: string, at = since, owner?: string) => ({
    metadata: {
      name,
      uid: name,
      namespace: 'scene',
      ...(owner === undefined
        ? {}
        : { ownerReferences: [{ kind: 'CronJob', name: owner, uid: owner, controller: true }] }),
    },
    status: {
      failed: 4,
      conditions: [
        {
          type: 'Failed',
          status: 'True',
          reason: 'BackoffLimitExceeded',
          message: 'token=canary-message',
          lastTransitionTime: at,
        },
      ],
    },
  })

  test('is reported once when it fails, and at the start of the agent if it failed recently', () => {
    const cluster = followedCluster()
    cluster.put('jobs', failed('long-ago', '2026-11-25T01:00:00Z'))
    cluster.put('jobs', failed('recent'))
    cluster.put('jobs', { metadata: { name: 'running', uid: 'running', namespace: 'scene' } })
    cluster.listed()
    const { events } = watchDeclared(cluster, jobFailures, () => now)
    cluster.put('jobs', failed('running'))
    cluster.put('jobs', failed('running'))
    expect(events.map(({ id }) => id)).toEqual(['k8s/recent/failed', 'k8s/running/failed'])
    expect(events[1]).toMatchObject({
      severity: 'error',
      at: '2026-11-25T01:59:00.000Z',
      body: 'Job scene/running has failed: BackoffLimitExceeded',
      attributes: { 'k8s.job.failed_pods': 4 },
    })
    expect(JSON.stringify(events)).not.toContain('canary')
  })

  test.each<[string, object, readonly [index: number, phase: string][], string]>([
    ['its status', { failedIndexes: '1,3-5' }, [], 'indexes 1,3-5'],
    [
      'its pods',
      {},
      [
        [4, 'Failed'],
        [4, 'Failed'],
        [2, 'Failed'],
        [0, 'Succeeded'],
      ],
      'indexes 2,4',
    ],
    ['its only failed pod', {}, [[7, 'Failed']], 'index 7'],
  ])('with indexes is reported with those that failed, by %s', (_source, status, pods, named) => {
    const cluster = followedCluster()
    cluster.listed()
    const { events } = watchDeclared(cluster, jobFailures, () => now)
    for (const [number, [index, phase]] of pods.entries())
      cluster.put('pods', {
        metadata: {
          name: `run-${number}`,
          uid: `run-${number}`,
          namespace: 'scene',
          labels: { 'batch.kubernetes.io/job-completion-index': `${index}` },
          ownerReferences: [{ kind: 'Job', name: 'indexed', uid: 'indexed', controller: true }],
        },
        status: { phase },
      })
    const job = failed('indexed')
    cluster.put('jobs', { ...job, spec: { completionMode: 'Indexed' }, status: { ...job.status, ...status } })
    expect(events.map(({ body }) => body)).toEqual([`Job scene/indexed has failed: BackoffLimitExceeded, ${named}`])
    expect(events[0]?.attributes['k8s.job.failed_indexes']).toBe(named.replace(/^\w+ /, ''))
  })

  test('is sampled with the other Jobs of its CronJob', () => {
    const cluster = followedCluster()
    cluster.listed()
    const { events } = watchDeclared(cluster, jobFailures, () => now)
    for (let index = 0; index < 12; index += 1) cluster.put('jobs', failed(`run-${index}`, since, 'nightly'))
    expect(events).toHaveLength(5)
    expect(events[4]).toMatchObject({ attributes: { 'k8s.cronjob.name': 'nightly', 'change.count': 10 } })
  })
})
