import { collectContext } from '@rca/connector-testkit'
import { type CollectContext, type Metric, mergeSignals, type Signals } from '@rca/core/connector'
import type { ApiResource, KubernetesApi } from '../src/api/kubernetes-api.ts'
import { projectClaim } from '../src/kinds/claim/claim.ts'
import { createDeltaFilter } from '../src/kinds/delta-filter.ts'
import { type Node, projectNode } from '../src/kinds/node/node-projection.ts'
import { projectPod } from '../src/kinds/pod/pod-projection.ts'
import { usage } from '../src/usage/collector.ts'
import type { KnownObjects } from '../src/usage/known-objects.ts'
import { createLastMemory } from '../src/usage/last-memory.ts'
import type { SummaryContext } from '../src/usage/summary.ts'
import type { UsageClient } from '../src/usage/usage-client.ts'
import { captured } from './fixtures.ts'

type Kinds = 'nodes' | 'pods' | 'persistentVolumeClaims'

/** The objects of a cluster in a test. @default objects captured from a real cluster */
export interface UsageScene {
  readonly nodes?: readonly unknown[]
  readonly pods?: readonly unknown[]
  readonly claims?: readonly unknown[]
  readonly resources?: Readonly<Partial<Record<'nodes' | 'podMetrics' | 'nodeMetrics', ApiResource>>>
  readonly namespaces?: readonly string[]
  readonly get?: KubernetesApi['get']
  readonly list?: KubernetesApi['list']
}

export const nodesResource = resourceOf('', 'nodes')
export const metricsResources = {
  podMetrics: resourceOf('metrics.k8s.io', 'pods'),
  nodeMetrics: resourceOf('metrics.k8s.io', 'nodes'),
}

/** Returns a client whose API has only the given functions. */
export function usageClient(scene: UsageScene = {}): UsageClient {
  const {
    nodes = [captured('usage-node')],
    pods = captured('usage-pods').items as unknown[],
    claims = [captured('usage-claim')],
    resources = { nodes: nodesResource },
    namespaces = [],
    get = () => Promise.reject(new Error('unexpected get')),
    list = () => Promise.reject(new Error('unexpected list')),
  } = scene
  const objects: Readonly<Record<Kinds, ReadonlyMap<string, never>>> = {
    nodes: byUid(nodes.map(projectNode)),
    pods: byUid(pods.map(projectPod)),
    persistentVolumeClaims: byUid(claims.map(projectClaim)),
  }
  return {
    api: { get, list },
    cluster: {
      listed: async () => undefined,
      objects: (kind) => objects[kind as Kinds],
      resource: (kind) => resources[kind as keyof typeof resources],
    },
    lastMemory: createLastMemory(),
    config: { namespaces },
  }
}

/** Returns the context of a first cycle, in which everything is sent. */
export function summaryContext(known: KnownObjects, now: Date = new Date()): SummaryContext {
  return { known, seen: new Set(), filter: createDeltaFilter(new Map(), now), now }
}

/** A node as a server writes it. */
export function rawNode(name: string, isReady = true): object {
  return {
    metadata: { name, uid: `uid-${name}` },
    status: { conditions: [{ type: 'Ready', status: isReady ? 'True' : 'Unknown' }] },
  }
}

export function node(name: string, isReady = true): Node {
  return projectNode(rawNode(name, isReady))
}

/** Runs the collector once and merges what it yields. */
export async function collectUsage(client: UsageClient, context: CollectContext): Promise<Signals> {
  const yielded: Signals[] = []
  for await (const signals of usage.collect(client, context)) yielded.push(signals)
  return mergeSignals(yielded)
}

/** Returns the context of a collector's cycles. Time stands still until the clock is set. */
export function usageContext(signal: AbortSignal = new AbortController().signal) {
  const clock = { now: Date.parse('2026-11-25T03:00:00Z') }
  return { context: collectContext({ signal, now: () => new Date(clock.now) }), clock }
}

/** Returns values by `entity name{attribute=value}`. The entity is `type:id` unless a name is given. */
export function usagePoints(
  { metrics = [] }: Signals,
  names: Readonly<Record<string, string>> = {},
): Record<string, number> {
  return Object.fromEntries(
    metrics
      .filter((metric): metric is Metric => metric !== undefined)
      .map((metric) => [label(metric, names), metric.value]),
  )
}

function label({ name, entity, attributes }: Metric, names: Readonly<Record<string, string>>): string {
  const text = Object.entries(attributes).map(([key, value]) => `${key.split('.').at(-1)}=${value}`)
  const known = Object.entries(names).reduce((id, [uid, one]) => id.replace(uid, one), entity.id)
  return `${entity.type}:${known} ${name}{${text}}`
}

function byUid(items: readonly { readonly uid: string }[]): ReadonlyMap<string, never> {
  return new Map(items.map((item) => [item.uid, item as never]))
}

function resourceOf(group: string, resource: string): ApiResource {
  return {
    group,
    version: group === '' ? 'v1' : 'v1beta1',
    resource,
    kind: '',
    isNamespaced: resource === 'pods',
    verbs: ['get', 'list'],
  }
}
