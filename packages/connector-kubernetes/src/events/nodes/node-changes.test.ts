import { describe, expect, test } from 'vitest'
import { withChange } from '../../../test/changed-object.ts'
import { captured } from '../../../test/fixtures.ts'
import { followedCluster } from '../../../test/followed-cluster.ts'
import { watchDeclared } from '../../../test/watch-declared.ts'
import { nodeChanges } from './node-changes.ts'

const node = withChange(captured('node'), ['spec', 'unschedulable'], undefined)
const { uid } = node.metadata as { readonly uid: string }
const now = new Date('2026-11-25T02:00:00Z')

function scene() {
  const cluster = followedCluster()
  cluster.put('nodes', node)
  cluster.listed()
  return { cluster, ...watchDeclared(cluster, nodeChanges, () => now) }
}

function pod(name: string, owner: string, phase = 'Running') {
  const ownerReferences = [{ kind: owner, name: 'a', uid: 'a', controller: true }]
  return {
    metadata: { name, uid: name, namespace: 'scene', ownerReferences },
    spec: { nodeName: 'node-1', containers: [] },
    status: { phase },
  }
}

describe('a node', () => {
  test('is reported when it joins, and at the start of the agent if it joined recently', () => {
    const { cluster, events } = scene()
    expect(events).toEqual([])
    cluster.put('nodes', { metadata: { name: 'node-2', uid: 'n2', creationTimestamp: '2026-11-25T01:59:00Z' } })
    expect(events).toMatchObject([
      { name: 'k8s.node.added', at: '2026-11-25T01:59:00.000Z', entity: { type: 'k8s.node', id: 'node-2' } },
    ])
    const again = watchDeclared(cluster, nodeChanges, () => now)
    expect(again.events.map(({ id }) => id)).toEqual(['k8s/n2/added'])
  })

  test('is an error when it leaves with pods that no DaemonSet made', () => {
    const { cluster, events } = scene()
    cluster.put('pods', pod('log', 'DaemonSet'))
    cluster.put('pods', pod('done', 'Job', 'Succeeded'))
    cluster.put('pods', pod('web', 'ReplicaSet'))
    cluster.remove('nodes', node)
    cluster.put('nodes', { metadata: { name: 'node-2', uid: 'n2' } })
    cluster.remove('nodes', { metadata: { name: 'node-2', uid: 'n2' } })
    expect(events).toMatchObject([
      {
        id: `k8s/${uid}/removed`,
        severity: 'error',
        body: 'Node node-1 left the cluster with 1 pod on it',
        attributes: { 'k8s.node.pods': 3, 'k8s.node.pods.bereft': 1 },
      },
      { name: 'k8s.node.added' },
      { name: 'k8s.node.removed', severity: 'warning', body: 'Node node-2 left the cluster' },
    ])
  })

  test('is reported with the addresses of each family when they change', () => {
    const { cluster, events } = scene()
    const address = (one: string) => ({ type: 'InternalIP', address: one })
    const dual = withChange(node, ['status', 'addresses'], [address('10.0.0.2'), address('fd00::1')])
    cluster.put('nodes', withChange(dual, ['metadata', 'resourceVersion'], '100'))
    expect(events).toMatchObject([
      { name: 'k8s.node.changed', attributes: { 'change.addresses': ['InternalIP: 10.0.0.1 → 10.0.0.2, fd00::1'] } },
    ])
  })

  test('is reported with the author when it is cordoned and uncordoned; its taint is not another change', () => {
    const { cluster, events } = scene()
    const writer = {
      manager: 'kubectl-cordon',
      operation: 'Update',
      time: '2026-11-25T01:59:59Z',
      fieldsV1: { 'f:spec': {} },
    }
    const cordoned = withChange(
      withChange(node, ['spec'], {
        unschedulable: true,
        taints: [
          { key: 'dedicated', value: 'shop', effect: 'NoSchedule' },
          { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' },
        ],
      }),
      ['metadata', 'managedFields', 2],
      writer,
    )
    cluster.put('nodes', cordoned)
    cluster.put('nodes', node)
    expect(events).toMatchObject([
      {
        name: 'k8s.node.cordoned',
        severity: 'warning',
        at: '2026-11-25T01:59:59.000Z',
        body: 'Node node-1 was cordoned by kubectl-cordon',
        attributes: { 'change.by': 'kubectl-cordon', 'k8s.node.pods': 0 },
      },
      { name: 'k8s.node.uncordoned' },
    ])
  })

  test('is reported when the autoscaler removes it, but not as a candidate for removal', () => {
    const { cluster, events } = scene()
    const { taints = [] } = node.spec as { readonly taints?: readonly object[] }
    const tainted = (key: string) =>
      withChange(node, ['spec', 'taints'], [...taints, { key, value: '1764036000', effect: 'PreferNoSchedule' }])
    cluster.put('nodes', tainted('DeletionCandidateOfClusterAutoscaler'))
    cluster.put('nodes', node)
    expect(events).toEqual([])
    cluster.put('nodes', tainted('ToBeDeletedByClusterAutoscaler'))
    expect(events).toMatchObject([{ name: 'k8s.node.changed' }])
  })

  test('is reported when it is upgraded, tainted, rebooted, or offers less', () => {
    const { cluster, events } = scene()
    const status = node.status as { readonly nodeInfo: object; readonly allocatable: object }
    const upgraded = withChange(
      withChange(node, ['status'], {
        ...status,
        nodeInfo: { ...status.nodeInfo, kubeletVersion: 'v1.21.0', bootID: 'c' },
        allocatable: { ...status.allocatable, 'nvidia.com/gpu': '0' },
      }),
      ['spec', 'taints'],
      [{ key: 'broken', effect: 'NoExecute' }],
    )
    cluster.put('nodes', upgraded)
    cluster.put('nodes', withChange(upgraded, ['status', 'conditions', 0, 'lastHeartbeatTime'], '2026-11-25T01:59:00Z'))
    expect(events).toMatchObject([
      {
        name: 'k8s.node.changed',
        body: 'Node node-1 has changed by kubectl-client-side-apply: kubelet: v1.20.2 → v1.21.0; taint broken:NoExecute added; taint dedicated=shop:NoSchedule removed; nvidia.com/gpu: none → 0',
        attributes: {
          'change.fields': ['versions', 'taints', 'allocatable'],
          'change.taints.added': ['broken:NoExecute'],
        },
      },
      { name: 'k8s.node.rebooted', id: `k8s/${uid}/c/rebooted` },
    ])
  })
})
