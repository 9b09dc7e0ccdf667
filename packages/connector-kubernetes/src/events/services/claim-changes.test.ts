import { expect, test } from 'vitest'
import { withChange } from '../../../test/changed-object.ts'
import { captured } from '../../../test/fixtures.ts'
import { followedCluster } from '../../../test/followed-cluster.ts'
import { watchDeclared } from '../../../test/watch-declared.ts'
import { claimChanges } from './claim-changes.ts'

const now = new Date('2026-11-25T02:00:00Z')

test('reports a claim that is bound to its volume and loses it', () => {
  const claim = captured('claim')
  const cluster = followedCluster()
  cluster.put('persistentVolumeClaims', withChange(claim, ['status', 'phase'], 'Pending'))
  cluster.listed()
  const { events } = watchDeclared(cluster, claimChanges, () => now)
  const bound = withChange(claim, ['spec', 'volumeName'], 'pv-1')
  cluster.put('persistentVolumeClaims', withChange(bound, ['status', 'phase'], 'Bound'))
  cluster.put('persistentVolumeClaims', withChange(bound, ['status', 'phase'], 'Lost'))
  expect(events.map(({ severity, body }) => [severity, body])).toEqual([
    ['info', 'PersistentVolumeClaim scene/data is bound to volume pv-1'],
    ['error', 'PersistentVolumeClaim scene/data has lost its volume pv-1'],
  ])
})
