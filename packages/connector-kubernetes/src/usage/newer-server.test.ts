import { expect, test } from 'vitest'
import { captured, NEWER } from '../../test/fixtures.ts'
import { summaryContext, usageClient, usagePoints } from '../../test/usage-scene.ts'
import { knownObjects } from './known-objects.ts'
import { nodeMetricsPoints, podMetricsPoints } from './metrics-api.ts'
import { summaryPoints } from './summary.ts'

const MIB = 2 ** 20
const pod = captured('pod', NEWER)
const { uid } = pod.metadata as { readonly uid: string }
const scratch = { metadata: { name: 'web-7d9c-x2x4p-scratch', namespace: 'shop', uid: 'scratch' } }
const known = knownObjects(usageClient({ nodes: [captured('node', NEWER)], pods: [pod], claims: [scratch] }).cluster)
const now = new Date('2026-11-24T10:05:00Z')
const points = usagePoints(
  { metrics: [...summaryPoints(captured('stats-summary', NEWER), 'node-1', summaryContext(known, now))].flat() },
  { [uid]: 'web' },
)
const only = (beginning: string) =>
  Object.fromEntries(
    Object.entries(points).flatMap(([label, value]) =>
      label.startsWith(beginning) ? [[label.slice(beginning.length), value]] : [],
    ),
  )

test('a summary with swap and pressure has the same points of its node as an older one', () => {
  expect(only('k8s.node:node-1 ')).toMatchObject({
    'k8s.node.cpu.usage{}': 1.25,
    'k8s.node.memory.working_set{}': 4000 * MIB,
    'k8s.node.network.errors{direction=transmit,name=eth0}': 1,
    'k8s.node.image_filesystem.usage{}': 9 * 2 ** 30,
    'k8s.node.process.count{}': 812,
    'k8s.node.process.limit{}': 4_194_304,
    'k8s.node.uptime{}': 3900,
    'k8s.node.system_container.cpu.usage{name=kubelet}': 0.03,
  })
})

test('a sidecar is measured like other containers, and the pod as a whole', () => {
  expect(only('k8s.container:web/proxy ')).toEqual({
    'container.cpu.time{}': 60,
    'container.cpu.usage{}': 0.05,
    'container.memory.working_set{}': 32 * MIB,
    'container.memory.rss{}': 16 * MIB,
    'k8s.container.ephemeral_storage.usage{fs_type=rootfs}': 32 * 4096,
    'k8s.container.ephemeral_storage.usage{fs_type=logs}': 8192,
  })
  expect(only('k8s.pod:web ')).toEqual({
    'k8s.pod.cpu.usage{}': 0.505,
    'k8s.pod.memory.working_set{}': 240 * MIB,
    'k8s.pod.network.io{direction=receive}': 11,
    'k8s.pod.network.io{direction=transmit}': 22,
    'k8s.pod.filesystem.usage{}': 64 * MIB,
    'k8s.pod.process.count{}': 12,
  })
})

test('an ephemeral claim is reported as a claim', () => {
  expect(only('k8s.persistentvolumeclaim:shop/web-7d9c-x2x4p-scratch ')).toMatchObject({
    'k8s.pod.volume.usage{name=web-7d9c-x2x4p-scratch}': 256 * MIB,
  })
})

test('metrics.k8s.io is read in the format of its published types', () => {
  const metrics = [
    ...podMetricsPoints(captured('pod-metrics', NEWER), known),
    ...nodeMetricsPoints(captured('node-metrics', NEWER), known),
  ]
  expect(usagePoints({ metrics }, { [uid]: 'web' })).toEqual({
    'k8s.pod:web k8s.pod.cpu.usage{}': 0.5,
    'k8s.pod:web k8s.pod.memory.working_set{}': 232 * MIB,
    'k8s.container:web/proxy container.cpu.usage{}': 0.05,
    'k8s.container:web/proxy container.memory.working_set{}': 32 * MIB,
    'k8s.container:web/app container.cpu.usage{}': 0.45,
    'k8s.container:web/app container.memory.working_set{}': 200 * MIB,
    'k8s.node:node-1 k8s.node.cpu.usage{}': 1.250_331_221,
    'k8s.node:node-1 k8s.node.memory.working_set{}': 4_096_000 * 1024,
  })
})
