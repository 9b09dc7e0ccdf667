import type { Metric, Signals } from '@rca/core/connector'
import type { KubernetesApi } from '../api/kubernetes-api.ts'
import { fields, list, text } from '../kinds/fields.ts'
import { quantity } from '../kinds/quantity.ts'
import { containerReference, namedReference, podReference } from '../kinds/references.ts'
import { amount, sum } from './amount.ts'
import type { KnownObjects } from './known-objects.ts'
import { usageMetrics as metrics } from './signals.ts'
import type { UsageCluster } from './usage-client.ts'

/** What metrics-server, or what stands in for it, answered. */
export interface MetricsAnswers extends Signals {
  readonly metrics: readonly Metric[]
  /** Why nothing at all could be read. */
  readonly problem: string | undefined
}

/** One list that is asked for. */
interface Part {
  readonly scope: string
  read(): Promise<Metric[]>
}

interface Reading {
  readonly api: Pick<KubernetesApi, 'list'>
  readonly cluster: UsageCluster
  readonly known: KnownObjects
  /** None stands for all, and for the nodes. */
  readonly namespaces: readonly string[]
  readonly signal: AbortSignal
}

/** Processors and memory of nodes, pods and containers, as metrics.k8s.io tells them. What of it cannot be read is a gap. */
export async function readMetricsApi(reading: Reading): Promise<MetricsAnswers> {
  const points: Metric[] = []
  const gaps: { scope: string; reason: string }[] = []
  const parts = partsOf(reading)
  for (const { scope, read } of parts) {
    try {
      for (const point of await read()) points.push(point)
    } catch (error) {
      reading.signal.throwIfAborted()
      gaps.push({ scope, reason: error instanceof Error ? error.message : String(error) })
    }
  }
  if (parts.length === 0)
    return { metrics: [], problem: 'the server has no pods in metrics.k8s.io, which metrics-server brings' }
  return gaps.length === parts.length
    ? { metrics: [], problem: gaps[0]?.reason ?? '' }
    : { metrics: points, gaps, problem: undefined }
}

function partsOf({ api, cluster, known, namespaces, signal }: Reading): Part[] {
  const [pods, nodes] = [cluster.resource('podMetrics'), cluster.resource('nodeMetrics')]
  const parts: Part[] = []
  const add = (
    scope: string,
    resource: typeof pods,
    namespace: string | undefined,
    map: (item: unknown) => Metric[],
  ) => {
    if (resource === undefined) return
    const read = async (): Promise<Metric[]> => {
      let points: Metric[] = []
      const onItems = (items: readonly unknown[]): void => void points.push(...items.flatMap(map))
      const onRestart = (): void => {
        points = []
      }
      await api.list(resource, { namespace, onItems, onRestart }, signal)
      return points
    }
    parts.push({ scope, read })
  }
  const ofPod = (item: unknown): Metric[] => podMetricsPoints(item, known)
  if (namespaces.length > 0) {
    for (const namespace of namespaces) add(`usage:${namespace}`, pods, namespace, ofPod)
    return parts
  }
  add('usage:pods', pods, undefined, ofPod)
  add('usage:nodes', nodes, undefined, (item) => nodeMetricsPoints(item, known))
  return parts
}

/** A `PodMetrics`. A pod uses what its containers do. */
export function podMetricsPoints(raw: unknown, known: KnownObjects): Metric[] {
  const { metadata, containers } = fields(raw)
  const pod = known.podNamed(text(fields(metadata).namespace) ?? '', text(fields(metadata).name) ?? '')
  if (pod === undefined) return []
  const used = list(containers).map(({ name, usage }) => ({ name: text(name), ...usageOf(usage) }))
  const entity = podReference(pod.uid)
  return [
    metrics.podCpuUsage.point(sumOfAll(used.map(({ cpu }) => cpu)), entity),
    metrics.podMemoryWorkingSet.point(sumOfAll(used.map(({ memory }) => memory)), entity),
    ...used.flatMap(({ name, cpu, memory }) => {
      if (name === undefined) return []
      const container = containerReference(pod.uid, name)
      return [
        metrics.containerCpuUsage.point(cpu, container),
        metrics.containerMemoryWorkingSet.point(memory, container),
      ]
    }),
  ].filter((point) => point !== undefined)
}

/** A `NodeMetrics`. */
export function nodeMetricsPoints(raw: unknown, known: KnownObjects): Metric[] {
  const { metadata, usage } = fields(raw)
  const node = known.nodeNamed(text(fields(metadata).name) ?? '')
  if (node === undefined) return []
  const { cpu, memory } = usageOf(usage)
  const entity = namedReference('Node', node)
  return [metrics.nodeCpuUsage.point(cpu, entity), metrics.nodeMemoryWorkingSet.point(memory, entity)].filter(
    (point) => point !== undefined,
  )
}

function usageOf(usage: unknown): { readonly cpu: number | undefined; readonly memory: number | undefined } {
  const { cpu, memory } = fields(usage)
  return { cpu: amount(quantity(cpu)), memory: amount(quantity(memory)) }
}

/** Of what is there as a whole. */
function sumOfAll(values: readonly (number | undefined)[]): number | undefined {
  return values.includes(undefined) ? undefined : sum(values)
}
