import { describe, expect, test } from 'vitest'
import { captured } from '../../test/fixtures.ts'
import { summaryContext, type UsageScene, usageClient, usagePoints } from '../../test/usage-scene.ts'
import { createDeltaFilter } from '../kinds/delta-filter.ts'
import type { Fields } from '../kinds/fields.ts'
import { knownObjects } from './known-objects.ts'
import { summaryPoints } from './summary.ts'

const scene = captured('usage-pods').items as { metadata: { name: string; uid: string } }[]
const uidOf = (name: string): string => scene.find(({ metadata }) => metadata.name === name)?.metadata.uid ?? ''
const claim = 'usage/data'
const names = { [uidOf('web')]: 'web', [uidOf('on-host')]: 'on-host', [claim]: 'data' }

/** Points of a summary, by entities' names. */
function read(summary: unknown, of: UsageScene = {}): Record<string, number> {
  const known = knownObjects(usageClient(of).cluster)
  const now = new Date('2026-11-25T03:00:00Z')
  return usagePoints({ metrics: [...summaryPoints(summary, 'node1', summaryContext(known, now))].flat() }, names)
}

/** Those whose label begins so, without that. */
function only(points: Record<string, number>, beginning: string): Record<string, number> {
  const entries = Object.entries(points).filter(([label]) => label.startsWith(beginning))
  return Object.fromEntries(entries.map(([label, value]) => [label.slice(beginning.length), value]))
}

/** A summary of one node with these pods. */
function withPods(...pods: unknown[]): unknown {
  return { node: { nodeName: 'node1' }, pods }
}

describe('summaryPoints for a real kubelet', () => {
  const points = read(captured('stats-summary'))

  test('returns the usage of the node', () => {
    expect(only(points, 'k8s.node:node1 ')).toMatchObject({
      'k8s.node.cpu.time{}': expect.any(Number),
      'k8s.node.cpu.usage{}': expect.any(Number),
      'k8s.node.memory.working_set{}': expect.any(Number),
      'k8s.node.memory.available{}': expect.any(Number),
      'k8s.node.paging.faults{type=major}': 0,
      'k8s.node.network.io{direction=receive,name=eth0}': expect.any(Number),
      'k8s.node.network.errors{direction=transmit,name=eth0}': 0,
      'k8s.node.filesystem.capacity{}': 270_553_174_016,
      'k8s.node.filesystem.inode.free{}': expect.any(Number),
      'k8s.node.image_filesystem.usage{}': expect.any(Number),
      'k8s.node.process.limit{}': 32_768,
      'k8s.node.uptime{}': expect.any(Number),
      'k8s.node.system_container.memory.working_set{name=pods}': expect.any(Number),
    })
  })

  test('returns the usage of a pod and of each of its containers', () => {
    expect(only(points, 'k8s.pod:web ')).toEqual({
      'k8s.pod.cpu.usage{}': 0.049_876_093,
      'k8s.pod.memory.working_set{}': 1_597_440,
      'k8s.pod.network.io{direction=receive}': 1322,
      'k8s.pod.network.io{direction=transmit}': 0,
      'k8s.pod.filesystem.usage{}': 21_106_688,
      'k8s.pod.volume.usage{name=cache}': 20_975_616,
      'k8s.pod.volume.available{name=cache}': 79_683_043_328,
      'k8s.pod.volume.capacity{name=cache}': 270_553_174_016,
    })
    expect(only(points, 'k8s.container:web/app ')).toEqual({
      'container.cpu.time{}': 3.600_608_614,
      'container.cpu.usage{}': 0.050_288_436,
      'container.memory.working_set{}': 880_640,
      'container.memory.rss{}': 57_344,
      'k8s.container.ephemeral_storage.usage{fs_type=rootfs}': 40_960,
      'k8s.container.ephemeral_storage.usage{fs_type=logs}': 28_672,
    })
    expect(Object.keys(only(points, 'k8s.container:web/sidecar '))).toHaveLength(6)
  })

  test('returns the usage of a claim', () => {
    expect(only(points, 'k8s.persistentvolumeclaim:data ')).toEqual({
      'k8s.pod.volume.usage{name=data}': 29_261_250_560,
      'k8s.pod.volume.available{name=data}': 79_683_043_328,
      'k8s.pod.volume.capacity{name=data}': 270_553_174_016,
      'k8s.pod.volume.inode.count{name=data}': 16_777_216,
      'k8s.pod.volume.inode.free{name=data}': 16_253_511,
    })
  })

  test('returns no network of a pod in the host network, and at most 12 points for a pod with one container', () => {
    const of = Object.keys(points).filter((label) => label.includes(':on-host'))
    expect(of.join()).not.toContain('network')
    expect(of.length).toBeGreaterThan(6)
    expect(of.length).toBeLessThanOrEqual(12)
  })

  test('leaves out unknown pods, and reports an unknown claim as a volume of its pod', () => {
    const pods = scene.filter(({ metadata }) => metadata.name === 'web')
    const fewer = read(captured('stats-summary'), { pods, claims: [] })
    expect(Object.keys(fewer).join()).not.toContain('on-host')
    expect(fewer['k8s.pod:web k8s.pod.volume.inode.free{name=data,name=data}']).toBe(16_253_511)
  })
})

describe('summaryPoints for pods', () => {
  const working = { cpu: { usageNanoCores: 5e8 } }

  test('suppresses unchanged values if containers come in another order', () => {
    const known = knownObjects(usageClient().cluster)
    const now = new Date('2026-11-25T03:00:00Z')
    const { pods } = captured('stats-summary') as {
      readonly pods: readonly { readonly containers: readonly object[] }[]
    }
    const turned = pods.map((pod) => ({ ...pod, containers: pod.containers.toReversed() }))
    const context = { ...summaryContext(known, now), filter: createDeltaFilter(new Map(), now, () => 0) }
    const storage = (answer: readonly unknown[]) =>
      [...summaryPoints(withPods(...answer), 'node1', context)]
        .flat()
        .filter(({ name }) => name === 'k8s.container.ephemeral_storage.usage').length
    expect(storage(pods)).toBeGreaterThan(2)
    expect(storage(turned)).toBe(0)
  })

  test('finds static pods by name, since kubelets give them another UID', () => {
    const pods = [{ metadata: { name: 'etcd-node1', namespace: 'kube-system', uid: 'image' } }]
    const named = { namespace: 'kube-system', name: 'etcd-node1' }
    const hash = read(withPods({ podRef: { ...named, uid: '0123456789abcdef0123456789abcdef' }, ...working }), { pods })
    expect(hash).toEqual({ 'k8s.pod:image k8s.pod.cpu.usage{}': 0.5 })
    // The one before it, which has ended.
    const other = read(withPods({ podRef: { ...named, uid: 'a954b259-9994-4b5a-bbed-2e0be016effd' }, ...working }), {
      pods,
    })
    expect(other).toEqual({})
  })

  test('reports a claim once that several pods mount', () => {
    const pods = ['a', 'b'].map((name) => ({ metadata: { name, namespace: 'usage', uid: name } }))
    const volume = [{ name: 'shared', usedBytes: 1, pvcRef: { name: 'data', namespace: 'usage' } }]
    const summary = withPods({ podRef: { uid: 'a' }, volume }, { podRef: { uid: 'b' }, volume })
    const context = summaryContext(knownObjects(usageClient({ pods }).cluster))
    const pointsOn = (node: string) => [...summaryPoints(summary, node, context)].flat()
    expect(pointsOn('node1').filter(({ entity }) => entity.id === claim)).toHaveLength(1)
    expect(pointsOn('node2')).toEqual([])
  })

  test('sums the networks of a pod', () => {
    const pods = [{ metadata: { name: 'a', uid: 'a' } }]
    const interfaces = [
      { name: 'eth0', rxBytes: 1, txBytes: 2 },
      { name: 'net1', rxBytes: 10 },
    ]
    expect(
      read(withPods({ podRef: { uid: 'a' }, network: { name: 'eth0', rxBytes: 1, interfaces } }), { pods }),
    ).toEqual({
      'k8s.pod:a k8s.pod.network.io{direction=receive}': 11,
      'k8s.pod:a k8s.pod.network.io{direction=transmit}': 2,
    })
  })
})

test('leaves out the ends of pods’ networks, and limits the number of interfaces of a node', () => {
  const interfaces = [
    'eni12',
    'cali34',
    'lxc56',
    'veth78',
    'ens5',
    ...Array.from({ length: 40 }, (_, id) => `vlan${id}`),
  ]
  const points = read({ node: { network: { name: '', interfaces: interfaces.map((name) => ({ name, rxBytes: 1 })) } } })
  expect(Object.keys(points)).toHaveLength(16)
  expect(Object.keys(points)[0]).toContain('name=ens5')
})

test('leaves out implausible values, and values of an unexpected type', () => {
  const huge = 2 ** 64
  const node = {
    cpu: { usageNanoCores: '5', usageCoreNanoSeconds: -1 },
    memory: { workingSetBytes: huge, usageBytes: null, rssBytes: 5 },
    network: [],
    fs: 'full',
    startTime: 'yesterday',
    systemContainers: [null, {}, { name: 7 }],
  }
  const uid = uidOf('web')
  const pods = [
    null,
    7,
    {},
    { podRef: null },
    { podRef: { uid }, containers: [null, {}, { name: 'app', cpu: [] }], volume: {} },
  ]
  expect(read({ node, pods })).toEqual({ 'k8s.node:node1 k8s.node.memory.rss{}': 5 })
  expect(read({ node: {} })).toEqual({})
})

test.each([undefined, null, 'text', [], {}, { pods: [] }] as (Fields | undefined)[])(
  'summaryPoints throws for %j',
  (answer) => {
    expect(() => read(answer)).toThrow('not a summary')
  },
)
