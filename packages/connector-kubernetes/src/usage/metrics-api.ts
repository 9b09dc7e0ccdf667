import type { Metric, Signals } from '@rca/core/connector'
import type { ApiResource } from '../api/kubernetes-api.ts'
import { fields, list, text } from '../kinds/fields.ts'
import { quantity } from '../kinds/quantity.ts'
import { containerReference, namedReference, podReference } from '../kinds/references.ts'
import type { KnownObjects } from './known-objects.ts'
import { kubeletNumber, sum } from './kubelet-numbers.ts'
import { usageMetrics as metrics } from './signals.ts'
import type { UsageClient } from './usage-client.ts'

/** The answers of metrics-server, or of a replacement for it. */
export interface MetricsAnswers extends Signals {
  readonly metrics: readonly Metric[]
  /** Set if nothing could be read. */
  readonly problem: string | undefined
}

interface MetricsList {
  readonly scope: string
  readonly resource: ApiResource
  readonly namespace: string | undefined
  pointsOf(item: unknown, known: KnownObjects): Metric[]
}

interface Reading extends Pick<UsageClient, 'api' | 'cluster'> {
  readonly known: KnownObjects
  /** Empty for all namespaces and the nodes. */
  readonly namespaces: readonly string[]
  readonly signal: AbortSignal
}

/** Reads CPU and memory of nodes, pods and containers from metrics.k8s.io. A list that cannot be read becomes a gap. */
export async function readMetricsApi(reading: Reading): Promise<MetricsAnswers> {
  const points: Metric[] = []
  const gaps: { scope: string; reason: string }[] = []
  const lists = listsOf(reading)
  for (const one of lists) {
    try {
      for (const point of await readList(reading, one)) points.push(point)
    } catch (error) {
      reading.signal.throwIfAborted()
      gaps.push({ scope: one.scope, reason: error instanceof Error ? error.message : String(error) })
    }
  }
  if (lists.length === 0)
    return { metrics: [], problem: 'the server has no pods in metrics.k8s.io, which metrics-server brings' }
  return gaps.length === lists.length
    ? { metrics: [], problem: gaps[0]?.reason ?? '' }
    : { metrics: points, gaps, problem: undefined }
}

/** Returns the lists that the server has. */
function listsOf({ cluster, namespaces }: Reading): MetricsList[] {
  const ofPods = (scope: string, namespace?: string): MetricsList[] => {
    const resource = cluster.resource('podMetrics')
    return resource === undefined ? [] : [{ scope, resource, namespace, pointsOf: podMetricsPoints }]
  }
  if (namespaces.length > 0) return namespaces.flatMap((namespace) => ofPods(`usage:${namespace}`, namespace))
  const nodes = cluster.resource('nodeMetrics')
  if (nodes === undefined) return ofPods('usage:pods')
  const ofNodes = { scope: 'usage:nodes', resource: nodes, namespace: undefined, pointsOf: nodeMetricsPoints }
  return [...ofPods('usage:pods'), ofNodes]
}

async function readList(
  { api, known, signal }: Reading,
  { resource, namespace, pointsOf }: MetricsList,
): Promise<Metric[]> {
  let points: Metric[] = []
  const onItems = (items: readonly unknown[]): void => {
    points.push(...items.flatMap((item) => pointsOf(item, known)))
  }
  const onRestart = (): void => {
    points = []
  }
  await api.list(resource, { namespace, onItems, onRestart }, signal)
  return points
}

/** Converts a `PodMetrics`. The usage of a pod is the sum of its containers. */
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

/** Converts a `NodeMetrics`. */
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
  return { cpu: kubeletNumber(quantity(cpu)), memory: kubeletNumber(quantity(memory)) }
}

/** Returns `undefined` if a value is absent. */
function sumOfAll(values: readonly (number | undefined)[]): number | undefined {
  return values.includes(undefined) ? undefined : sum(values)
}
