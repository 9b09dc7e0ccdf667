import { expect, test } from 'vitest'
import { withChange } from '../../../test/changed-object.ts'
import { captured } from '../../../test/fixtures.ts'
import { followedCluster } from '../../../test/followed-cluster.ts'
import { watchDeclared } from '../../../test/watch-declared.ts'
import { nodeConditions } from './node-conditions.ts'

const captive = captured('node')
const { uid } = captive.metadata as { readonly uid: string }
const now = new Date('2026-11-25T02:00:00Z')

function node(...conditions: (readonly [type: string, status: string, since: string])[]) {
  return withChange(
    captive,
    ['status', 'conditions'],
    conditions.map(([type, status, since]) => ({
      type,
      status,
      reason: `${type}Is${status}`,
      message: 'password=canary-message',
      lastHeartbeatTime: '2026-11-25T01:58:00Z',
      lastTransitionTime: since,
    })),
  )
}
const well = '2026-11-25T01:30:00Z'
const [first, second, third] = ['2026-11-25T01:50:00Z', '2026-11-25T01:51:00Z', '2026-11-25T01:52:00Z'] as const

function scene(object: object) {
  const cluster = followedCluster()
  cluster.put('nodes', object)
  cluster.put('pods', { metadata: { name: 'a', uid: 'a' }, spec: { nodeName: 'node-1' } })
  cluster.listed()
  return { cluster, ...watchDeclared(cluster, nodeConditions, () => now) }
}

test('reports a node that is not ready, stops reporting, and is ready again', () => {
  const { cluster, events } = scene(node(['Ready', 'True', well]))
  cluster.put('nodes', node(['Ready', 'False', first]))
  cluster.put('nodes', node(['Ready', 'False', first]))
  cluster.put('nodes', node(['Ready', 'Unknown', second]))
  cluster.put('nodes', node(['Ready', 'True', third]))
  expect(events).toMatchObject([
    {
      id: `k8s/${uid}/Ready/False/${first}`,
      name: 'k8s.node.not_ready',
      severity: 'critical',
      at: '2026-11-25T01:50:00.000Z',
      body: 'Node node-1 is not ready: ReadyIsFalse',
      attributes: { 'k8s.node.pods': 1, 'k8s.node.last_heartbeat': '2026-11-25T01:58:00Z' },
    },
    { body: 'Node node-1 is not ready, its kubelet no longer reports: ReadyIsUnknown' },
    { id: `k8s/${uid}/Ready/True/${third}`, name: 'k8s.node.ready', severity: 'info' },
  ])
  expect(events).toHaveLength(3)
  expect(JSON.stringify(events)).not.toContain('canary')
})

test('reports pressure and its end, but not an unknown status in between', () => {
  const { cluster, events } = scene(node(['DiskPressure', 'False', well], ['NetworkUnavailable', 'False', well]))
  cluster.put('nodes', node(['DiskPressure', 'True', first], ['NetworkUnavailable', 'True', first]))
  cluster.put('nodes', node(['DiskPressure', 'Unknown', second], ['NetworkUnavailable', 'True', first]))
  cluster.put('nodes', node(['DiskPressure', 'False', third], ['NetworkUnavailable', 'False', third]))
  expect(events.map(({ name, severity, body }) => [name, severity, body])).toEqual([
    ['k8s.node.pressure', 'warning', 'Node node-1 has DiskPressure: DiskPressureIsTrue'],
    ['k8s.node.pressure', 'error', 'Node node-1 has NetworkUnavailable: NetworkUnavailableIsTrue'],
    ['k8s.node.pressure_ended', 'info', 'Node node-1 no longer has DiskPressure'],
    ['k8s.node.pressure_ended', 'info', 'Node node-1 no longer has NetworkUnavailable'],
  ])
})

test('samples pressure that comes and goes, and reports as many ends', () => {
  const { cluster, events } = scene(node(['PIDPressure', 'False', well]))
  for (let index = 0; index < 12; index += 1) {
    cluster.put('nodes', node(['PIDPressure', 'True', `2026-11-25T01:${10 + index}:00Z`]))
    cluster.put('nodes', node(['PIDPressure', 'False', `2026-11-25T01:${10 + index}:30Z`]))
  }
  expect(events.map(({ attributes }) => attributes['change.count'] ?? 0).filter((count) => count !== 0)).toEqual([10])
  expect(events).toHaveLength(10)
})

test('reports an existing problem only if it began recently and the node is not new', async () => {
  const { events } = scene(
    node(['Ready', 'False', second], ['MemoryPressure', 'True', well], ['Other', 'True', second]),
  )
  await expect.poll(() => events.length).toBe(1)
  expect(events).toMatchObject([{ id: `k8s/${uid}/Ready/False/${second}`, attributes: { 'k8s.node.pods': 1 } }])
  const beginning = scene(withChange(node(['Ready', 'False', second]), ['metadata', 'creationTimestamp'], first))
  await new Promise(setImmediate)
  expect(beginning.events).toEqual([])
})

test('reports defects of problem detectors, and no harmless conditions', () => {
  const { cluster, events } = scene(node(['KernelDeadlock', 'False', well], ['EtcdIsVoter', 'False', well]))
  cluster.put('nodes', node(['KernelDeadlock', 'True', first], ['EtcdIsVoter', 'True', first]))
  cluster.put('nodes', node(['KernelDeadlock', 'False', second], ['EtcdIsVoter', 'True', first]))
  expect(events.map(({ severity, body }) => [severity, body])).toEqual([
    ['error', 'Node node-1 has KernelDeadlock: KernelDeadlockIsTrue'],
    ['info', 'Node node-1 no longer has KernelDeadlock'],
  ])
})

test.each(['added', 'changed'])('reports a new node without routes (%s) only when it is ready', (kind) => {
  const { cluster, events } = scene(node(['Ready', 'True', well]))
  const young = (...conditions: Parameters<typeof node>) =>
    ['uid', 'name'].reduce<object>(
      (object, path) => withChange(object, ['metadata', path], 'young'),
      withChange(node(...conditions), ['metadata', 'creationTimestamp'], '2026-11-25T01:49:30Z'),
    )
  if (kind === 'changed') cluster.put('nodes', young(['Ready', 'False', first]))
  cluster.put('nodes', young(['Ready', 'False', first], ['NetworkUnavailable', 'True', first]))
  cluster.put('nodes', young(['Ready', 'True', second], ['NetworkUnavailable', 'False', second]))
  expect(events.map(({ body }) => body)).toEqual(['Node young is ready'])
})

test('reports the end of problems that began before the agent started', () => {
  const { cluster, events } = scene(node(['Ready', 'Unknown', well], ['MemoryPressure', 'True', well]))
  cluster.put('nodes', node(['Ready', 'True', first], ['MemoryPressure', 'False', first]))
  expect(events.map(({ name }) => name)).toEqual(['k8s.node.ready', 'k8s.node.pressure_ended'])
})
