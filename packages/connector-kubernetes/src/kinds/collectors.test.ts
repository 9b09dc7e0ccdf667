import { planDeployment } from '@rca/core'
import type { Collector, Entity, Metric, Signals } from '@rca/core/connector'
import { expect, test } from 'vitest'
import { captured } from '../../test/fixtures.ts'
import { type FollowedCluster, followedCluster } from '../../test/followed-cluster.ts'
import { usageContext } from '../../test/usage-scene.ts'
import { KubernetesError } from '../api/errors.ts'
import type { KubernetesApi } from '../api/kubernetes-api.ts'
import { kubernetes } from '../connector.ts'
import type { SyncStatus } from '../informer/kind-informer.ts'
import type { KubernetesClient } from '../kubernetes-client.ts'
import type { CachedKind } from './index.ts'

/** Objects of a real cluster, by kind. */
const scene: Readonly<Partial<Record<CachedKind, readonly string[]>>> = {
  namespaces: ['namespace'],
  nodes: ['node'],
  resourceQuotas: ['quota'],
  limitRanges: ['limit-range'],
  deployments: ['deployment'],
  statefulSets: ['stateful-set'],
  daemonSets: ['daemon-set'],
  jobs: ['job'],
  cronJobs: ['cron-job'],
  horizontalPodAutoscalers: ['autoscaler-v2beta2'],
  podDisruptionBudgets: ['disruption-budget'],
  services: ['service'],
  endpointSlices: ['endpoint-slice'],
  ingresses: ['ingress-v1'],
  persistentVolumeClaims: ['claim'],
  pods: ['pod'],
}

function filled(api: Partial<KubernetesApi> = {}, config: object = {}): FollowedCluster {
  const cluster = followedCluster(api, config)
  for (const [kind, names] of Object.entries(scene))
    for (const name of names) cluster.put(kind as CachedKind, captured(name))
  cluster.put('replicaSets', replicaSet('web-1', 2))
  cluster.put('replicaSets', replicaSet('web-0', 0))
  cluster.put('configMaps', configObject('settings'))
  cluster.put('secrets', configObject('credentials'))
  return cluster
}

function replicaSet(name: string, replicas: number): object {
  const owner = { kind: 'Deployment', name: 'web', uid: 'uid-web', controller: true }
  return {
    metadata: { name, namespace: 'shop', uid: `uid-${name}`, ownerReferences: [owner] },
    spec: { replicas },
    status: { replicas, availableReplicas: replicas, readyReplicas: replicas },
  }
}

function configObject(name: string): object {
  return { metadata: { name, namespace: 'shop', uid: `uid-${name}` }, data: { key: 'canary' } }
}

function collect(name: string, client: KubernetesClient): Promise<Signals> {
  const collector = kubernetes.collectors[name] as Collector<KubernetesClient>
  return collector.collect(client, usageContext().context)
}

/** Name of a metric, with its attributes → value. */
function pointsOf({ metrics = [] }: Signals): Record<string, number> {
  const present = metrics.filter((metric): metric is Metric => metric !== undefined)
  return Object.fromEntries(
    present.map(({ name, value, attributes }) => [[name, ...Object.values(attributes)].join(' '), value]),
  )
}

function entityOf({ entities = [] }: Signals, type: string): Entity {
  const found = entities.find((entity) => entity?.type === type)
  if (found === undefined) throw new Error(`no ${type}`)
  return found
}

const inNamespace = (id: string) => ({ type: 'owned_by', target: { type: 'k8s.namespace', id } })

/** The entity and the metrics of one object of each kind. */
const kinds: readonly (readonly [collector: string, type: string, entity: object, points: Record<string, unknown>])[] =
  [
    [
      'namespaces',
      'k8s.namespace',
      { relations: [{ type: 'owned_by', target: { type: 'k8s.cluster', id: 'cluster-1' } }] },
      { 'k8s.namespace.phase active': 1 },
    ],
    [
      'deployments',
      'k8s.deployment',
      { name: expect.any(String) },
      { 'k8s.deployment.pod.desired': expect.any(Number) },
    ],
    ['stateful-sets', 'k8s.statefulset', {}, { 'k8s.statefulset.pod.desired': expect.any(Number) }],
    ['daemon-sets', 'k8s.daemonset', {}, { 'k8s.daemonset.node.desired_scheduled': expect.any(Number) }],
    [
      'replica-sets',
      'k8s.replicaset',
      { id: 'shop/web-1', relations: [{ type: 'owned_by', target: { type: 'k8s.deployment', id: 'shop/web' } }] },
      { 'k8s.replicaset.pod.desired': 2, 'k8s.replicaset.pod.available': 2 },
    ],
    ['jobs', 'k8s.job', {}, { 'k8s.job.pod.desired_successful': expect.any(Number) }],
    ['cron-jobs', 'k8s.cronjob', {}, { 'k8s.cronjob.job.active': expect.any(Number) }],
    ['autoscalers', 'k8s.hpa', {}, { 'k8s.hpa.pod.max': expect.any(Number) }],
    [
      'disruption-budgets',
      'k8s.poddisruptionbudget',
      {},
      { 'k8s.poddisruptionbudget.pod.disruptions_allowed': expect.any(Number) },
    ],
    ['claims', 'k8s.persistentvolumeclaim', {}, { 'k8s.persistentvolumeclaim.requested': expect.any(Number) }],
    ['resource-quotas', 'k8s.resourcequota', {}, {}],
    ['limit-ranges', 'k8s.limitrange', {}, {}],
    ['ingresses', 'k8s.ingress', {}, {}],
    ['config-maps', 'k8s.configmap', { id: 'shop/settings', relations: [inNamespace('shop')] }, {}],
    ['secrets', 'k8s.secret', { id: 'shop/credentials', relations: [inNamespace('shop')] }, {}],
  ]

test.each(kinds)('%s reports a captured object', async (collector, type, entity, points) => {
  const { client } = filled()
  const collected = await collect(collector, client)
  expect(entityOf(collected, type)).toMatchObject(entity)
  expect(pointsOf(collected)).toMatchObject(points)
  expect({ entity: entityOf(collected, type), points: pointsOf(collected) }).toMatchSnapshot()
  expect(JSON.stringify(collected)).not.toContain('canary')
})

test('every cached kind has a collector, and its entities are declared', async () => {
  const { client } = filled()
  const types = new Set<string>()
  for (const name of Object.keys(kubernetes.collectors)) {
    if (name === 'usage') continue
    for (const entity of (await collect(name, client)).entities ?? []) types.add(entity?.type ?? '')
  }
  const declared = Object.values(kubernetes.signals).flatMap((one) => (one.signal === 'entity' ? [one.type] : []))
  expect([...types].toSorted()).toEqual(declared.toSorted())
})

test('pods reports a pod and its containers', async () => {
  const collected = await collect('pods', filled().client)
  expect({ entities: collected.entities, points: pointsOf(collected) }).toMatchSnapshot()
})

test('requests does not fail for five minutes while pods cannot be listed, which their own collector reports', async () => {
  const { client } = filled()
  const unlisted: SyncStatus = {
    isListed: false,
    isCurrent: false,
    unlisted: [],
    gaps: [{ scope: 's', reason: 'forbidden' }],
  }
  const refused = { ...client, cluster: { ...client.cluster, syncStatus: () => unlisted } }
  expect(await collect('requests', refused)).toEqual({})
  await expect(collect('pods', refused)).rejects.toThrow('forbidden')
})

test('requests reports requests and limits every five minutes', async () => {
  const collected = await collect('requests', filled().client)
  expect(pointsOf(collected)).toMatchSnapshot()
  expect(kubernetes.collectors.requests?.interval).toBe('5m')
})

test('nodes reports a node, its host and the demand of its pods', async () => {
  const collected = await collect('nodes', filled().client)
  expect({ entities: collected.entities, points: pointsOf(collected) }).toMatchSnapshot()
})

test('services reports the pods of the slices, and a new entity when the slices change', async () => {
  const cluster = filled()
  const slice = captured('endpoint-slice') as { endpoints: { targetRef?: object }[] }
  const targetRef = { kind: 'Pod', name: 'web-1-a', uid: 'uid-web-1-a' }
  const before = entityOf(await collect('services', cluster.client), 'k8s.service')
  expect(entityOf(await collect('services', cluster.client), 'k8s.service')).toBe(before)
  cluster.put('endpointSlices', { ...slice, endpoints: [{ ...slice.endpoints[0], targetRef }] })
  const collected = await collect('services', cluster.client)
  expect(entityOf(collected, 'k8s.service').relations).toContainEqual({
    type: 'selects',
    target: { type: 'k8s.pod', id: 'uid-web-1-a' },
  })
  expect(pointsOf(collected)).toEqual({ 'k8s.service.endpoint.count': 1, 'k8s.service.endpoint.ready': 1 })
})

test('collectors return the same entities for unchanged objects', async () => {
  const { client } = filled()
  for (const name of ['pods', 'deployments', 'nodes', 'config-maps']) {
    const [first, second] = [await collect(name, client), await collect(name, client)]
    expect(first.entities?.length).toBeGreaterThan(0)
    for (const [index, entity] of first.entities?.entries() ?? []) expect(second.entities?.[index]).toBe(entity)
  }
})

test('pods returns new entities only for the changed parts of a pod', async () => {
  const cluster = filled()
  const pod = captured('pod') as { readonly status: object }
  const { entities: before = [] } = await collect('pods', cluster.client)
  cluster.put('pods', { ...pod, status: { ...pod.status, phase: 'Unknown' } })
  const { entities: after = [] } = await collect('pods', cluster.client)
  expect(after[0]?.attributes['k8s.pod.phase']).toBe('Unknown')
  expect(before.length).toBeGreaterThan(1)
  for (const [index, entity] of before.entries()) expect(after[index] === entity).toBe(index > 0)
})

test('replica-sets sends metrics when they change, and all of an object that comes back', async () => {
  const cluster = filled()
  const collector = kubernetes.collectors['replica-sets'] as Collector<KubernetesClient>
  const { context } = usageContext()
  const cycle = async (name: string, replicas: number) => {
    cluster.put('replicaSets', replicaSet(name, replicas))
    return pointsOf(await collector.collect(cluster.client, context))
  }
  const all = (replicas: number) => ({
    'k8s.replicaset.pod.desired': replicas,
    'k8s.replicaset.pod.available': replicas,
    'k8s.replicaset.pod.ready': replicas,
  })
  expect(await cycle('web-1', 2)).toEqual(all(2))
  expect(await cycle('web-1', 2)).toEqual({})
  expect(await cycle('web-1', 3)).toEqual(all(3))
  expect(await cycle('web-1', 0)).toEqual({})
  expect(await cycle('web-1', 3)).toEqual(all(3))
  // A full snapshot has all metrics, and does not change the state.
  cluster.put('replicaSets', replicaSet('web-1', 4))
  for (let call = 0; call < 2; call += 1)
    expect(pointsOf(await collector.collect(cluster.client, { ...context, fullSnapshot: true }))).toEqual(all(4))
  expect(pointsOf(await collector.collect(cluster.client, context))).toEqual(all(4))
})

test('replica-sets sends all metrics after a full snapshot that could not measure', async () => {
  const cluster = filled()
  const collector = kubernetes.collectors['replica-sets'] as Collector<KubernetesClient>
  const { context } = usageContext()
  const stale = withStatus(cluster, { isListed: true, isCurrent: false, unlisted: [], gaps: [] })
  const first = pointsOf(await collector.collect(cluster.client, context))
  expect(Object.keys(first)).not.toEqual([])
  expect(pointsOf(await collector.collect(stale, context))).toEqual({})
  expect(pointsOf(await collector.collect(cluster.client, context))).toEqual({})
  expect(pointsOf(await collector.collect(stale, { ...context, fullSnapshot: true }))).toEqual({})
  expect(pointsOf(await collector.collect(cluster.client, context))).toEqual(first)
})

/** Returns a client whose kinds have this sync status. */
function withStatus(
  { client }: FollowedCluster,
  syncStatus: SyncStatus | undefined,
  missing?: string,
): KubernetesClient {
  return { ...client, cluster: { ...client.cluster, syncStatus: () => syncStatus, missing: () => missing } }
}

test('deployments returns the last known entities and no metrics while the kind cannot be watched', async () => {
  const gaps = [{ scope: 'kubernetes:deployments', reason: 'the server does not answer' }]
  const collected = await collect(
    'deployments',
    withStatus(filled(), { isListed: true, isCurrent: false, unlisted: [], gaps }),
  )
  expect([collected.entities?.length, collected.metrics, collected.gaps]).toEqual([1, [], gaps])
})

test('entities of a namespace that was never listed, and of a kind whose group does not answer, are kept', async () => {
  const gaps = [{ scope: 'kubernetes:deployments/shop', reason: 'allow verb `list`' }]
  const refused = withStatus(filled(), { isListed: true, isCurrent: false, unlisted: ['shop'], gaps })
  const silent = withStatus(followedCluster(), undefined, 'apps/v1 does not answer: timeout')
  for (const [name, type] of [
    ['deployments', 'k8s.deployment'],
    ['services', 'k8s.service'],
    ['nodes', 'k8s.node'],
    ['pods', 'k8s.pod'],
  ] as const) {
    expect((await collect(name, refused)).unread).toEqual([{ type: 'k8s.namespace', id: 'shop' }])
    expect((await collect(name, silent)).unread).toEqual([{ type }])
  }
  expect((await collect('secrets', withStatus(followedCluster(), undefined))).unread).toEqual([])
})

test('pods fails if the kind was never listed', async () => {
  const gaps = [{ scope: 'kubernetes:pods', reason: 'allow verb `list`' }]
  const stale = withStatus(followedCluster(), { isListed: false, isCurrent: false, unlisted: [], gaps })
  await expect(collect('pods', stale)).rejects.toThrow('allow verb `list`')
})

test('a kind that the server lacks is a gap, one that is excluded is not', async () => {
  const lacking = withStatus(followedCluster(), undefined, 'the server has no ingresses')
  expect((await collect('ingresses', lacking)).gaps).toEqual([
    { scope: 'kubernetes:ingresses', reason: 'the server has no ingresses' },
  ])
  expect(await collect('secrets', withStatus(followedCluster(), undefined))).toMatchObject({ entities: [], gaps: [] })
})

test('namespaces gets configured namespaces by name, and has a gap for a missing one', async () => {
  const namespaces = { ...captured('namespace') }
  const get: KubernetesApi['get'] = async (_resource, { name }) => {
    if (name === 'missing') return undefined
    if (name === 'locked') throw new KubernetesError('allow verb `get`', { status: 403 })
    return namespaces
  }
  const { client } = followedCluster({ get }, { namespaces: ['shop', 'missing', 'locked'] })
  const resource = {
    group: '',
    version: 'v1',
    resource: 'namespaces',
    kind: 'Namespace',
    isNamespaced: false,
    verbs: [],
  }
  const collected = await collect('namespaces', { ...client, cluster: { ...client.cluster, resource: () => resource } })
  expect(collected.entities).toHaveLength(1)
  expect(collected.gaps).toEqual([
    { scope: 'kubernetes:namespaces/missing', reason: '`namespaces`: namespace missing does not exist' },
    { scope: 'kubernetes:namespaces/locked', reason: 'allow verb `get`' },
  ])
  // Forbidden is not deleted.
  expect(collected.unread).toEqual([{ type: 'k8s.namespace', id: 'locked' }])
})

test('the deployment is planned without a cluster', () => {
  const plan = planDeployment(kubernetes, { platformUrl: 'https://api.example.com', agentToken: 'a-token' })
  expect(plan.command).toContain('helm upgrade --install')
})
