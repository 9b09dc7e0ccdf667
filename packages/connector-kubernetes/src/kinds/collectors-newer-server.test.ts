import type { Collector, Entity, Metric, Signals } from '@rca/core/connector'
import { expect, test } from 'vitest'
import { captured, NEWER } from '../../test/fixtures.ts'
import { type FollowedCluster, followedCluster } from '../../test/followed-cluster.ts'
import { usageContext, usagePoints } from '../../test/usage-scene.ts'
import { kubernetes } from '../connector.ts'
import type { KubernetesClient } from '../kubernetes-client.ts'
import type { CachedKind } from './index.ts'

const scene: Readonly<Partial<Record<CachedKind, readonly string[]>>> = {
  namespaces: ['namespace'],
  nodes: ['node'],
  deployments: ['deployment'],
  replicaSets: ['replica-set'],
  statefulSets: ['stateful-set'],
  jobs: ['job', 'job-failing'],
  cronJobs: ['cron-job'],
  horizontalPodAutoscalers: ['autoscaler'],
  podDisruptionBudgets: ['disruption-budget'],
  services: ['service'],
  endpointSlices: ['endpoint-slice'],
  ingresses: ['ingress'],
  persistentVolumeClaims: ['claim'],
  pods: ['pod', 'pod-evicted'],
}
const uidOf = (name: string): string => (captured(name, NEWER).metadata as { readonly uid: string }).uid
const names = { [uidOf('pod')]: 'web', [uidOf('pod-evicted')]: 'train' }
const MIB = 2 ** 20

function filled(): FollowedCluster {
  const cluster = followedCluster()
  for (const [kind, files] of Object.entries(scene))
    for (const file of files) cluster.put(kind as CachedKind, captured(file, NEWER))
  return cluster
}

async function collect(name: string): Promise<{ entities: readonly Entity[]; points: Record<string, number> }> {
  const collector = kubernetes.collectors[name] as Collector<KubernetesClient>
  const collected: Signals = await collector.collect(filled().client, usageContext().context)
  expect(JSON.stringify(collected)).not.toContain('canary')
  const metrics = (collected.metrics ?? []).filter((metric): metric is Metric => metric !== undefined)
  const entities = (collected.entities ?? []).filter((entity): entity is Entity => entity !== undefined)
  return { entities, points: usagePoints({ metrics }, names) }
}

function attributesOf(entities: readonly Entity[], name: string) {
  return entities.find((entity) => entity.name === name)?.attributes
}

test('pods reports a sidecar with its readiness and its previous run', async () => {
  const { entities, points } = await collect('pods')
  expect(attributesOf(entities, 'proxy')).toMatchObject({
    'k8s.container.kind': 'sidecar',
    'k8s.container.state': 'running',
    'k8s.container.ready': true,
    'k8s.container.last_terminated.reason': 'OOMKilled',
  })
  expect(points).toMatchObject({
    'k8s.pod:web k8s.pod.ready{}': 1,
    'k8s.container:web/proxy k8s.container.ready{}': 1,
    'k8s.container:web/app k8s.container.ready{}': 1,
    'k8s.container:web/proxy k8s.container.restart.count{}': 1,
    'k8s.container:web/prepare k8s.container.restart.count{}': 1,
  })
  // A completed init container is not ready, and need not be.
  expect(points).not.toHaveProperty(['k8s.container:web/prepare k8s.container.ready{}'])
})

test('pods and requests report the current resources of a container during a resize', async () => {
  const { entities } = await collect('pods')
  expect(attributesOf(entities, 'app')).toMatchObject({
    'k8s.container.cpu.request': 0.5,
    'k8s.container.memory.request': 256 * MIB,
    'k8s.container.memory.limit': 256 * MIB,
  })
  const { points } = await collect('requests')
  expect(points).toMatchObject({
    'k8s.container:web/app k8s.container.cpu.request.current{}': 0.5,
    'k8s.container:web/app k8s.container.memory.limit.current{}': 256 * MIB,
    'k8s.container:web/proxy k8s.container.cpu.request.current{}': 0.1,
    'k8s.container:train/train k8s.container.cpu.request.current{}': 0.25,
  })
})

test('pods reports the ephemeral claim of a pod', async () => {
  const { entities } = await collect('pods')
  expect(entities.find(({ name }) => name === 'web-7d9c-x2x4p')?.relations).toContainEqual({
    type: 'mounts',
    target: { type: 'k8s.persistentvolumeclaim', id: 'shop/web-7d9c-x2x4p-scratch' },
  })
})

test('nodes sums sidecars, pending resizes and pod-level requests', async () => {
  const { points } = await collect('nodes')
  expect(points).toMatchObject({
    'k8s.node:node-1 k8s.node.pod.count{}': 2,
    'k8s.node:node-1 k8s.node.cpu.requested{}': 2,
    'k8s.node:node-1 k8s.node.memory.requested{}': (64 + 512 + 2048) * MIB,
    'k8s.node:node-1 k8s.node.cpu.limited{}': 2,
    'k8s.node:node-1 k8s.node.memory.limited{}': (64 + 512 + 2048) * MIB,
  })
})

test('jobs reports a failing job as active, and one that met its success criteria as complete', async () => {
  const { entities, points } = await collect('jobs')
  expect(attributesOf(entities, 'import')).toMatchObject({ 'k8s.job.state': 'complete' })
  expect(attributesOf(entities, 'nightly-29000000')).toMatchObject({ 'k8s.job.state': 'active' })
  expect(points).toMatchObject({ 'k8s.job:shop/import k8s.job.pod.successful{}': 2 })
})

test('services counts a terminating endpoint as not ready, and still names its pod', async () => {
  const { entities, points } = await collect('services')
  expect(points).toEqual({
    'k8s.service:shop/web k8s.service.endpoint.count{}': 2,
    'k8s.service:shop/web k8s.service.endpoint.ready{}': 1,
  })
  expect(attributesOf(entities, 'web')).toMatchObject({ 'k8s.service.ports': ['80/TCP'] })
  expect(entities[0]?.relations?.map(({ target }) => target.id)).toContain(uidOf('pod'))
})

test.each([
  ['autoscalers', { 'k8s.hpa:shop/web k8s.hpa.pod.desired{}': 9, 'k8s.hpa:shop/web k8s.hpa.pod.min{}': 2 }],
  ['disruption-budgets', { 'k8s.poddisruptionbudget:shop/web k8s.poddisruptionbudget.pod.disruptions_allowed{}': 1 }],
  ['deployments', { 'k8s.deployment:shop/web k8s.deployment.pod.available{}': 3 }],
  ['stateful-sets', { 'k8s.statefulset:shop/train k8s.statefulset.pod.ready{}': 3 }],
  ['replica-sets', { 'k8s.replicaset:shop/web-7d9c k8s.replicaset.pod.available{}': 1 }],
  ['cron-jobs', { 'k8s.cronjob:shop/nightly k8s.cronjob.job.active{}': 1 }],
  ['claims', { 'k8s.persistentvolumeclaim:shop/data-train-0 k8s.persistentvolumeclaim.requested{}': 20 * 1024 * MIB }],
])('%s reports metrics of a newer server', async (name, points) => {
  expect((await collect(name)).points).toMatchObject(points)
})
