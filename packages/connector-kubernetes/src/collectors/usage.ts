import type { CollectContext, Collector, Signals } from '@rca/core'
import { type KnownObjects, knownObjects } from '../usage/known-objects.ts'
import { readMetricsApi } from '../usage/metrics-api.ts'
import { readSummaries, type Summaries } from '../usage/read-summaries.ts'
import { slowNumbers, type ToldNumbers } from '../usage/slow-numbers.ts'
import type { UsageClient } from '../usage/usage-client.ts'

/** Kubelets that are named when they do not answer. The others are counted. */
const MOST_NAMED = 20

/** How long kubelets that may not be asked are left alone, in milliseconds: by then somebody may have given the permission. */
const LEFT_ALONE = 600_000

/** What one round leaves to the next. */
interface Memory {
  refusal: { readonly at: number; readonly reason: string } | undefined
  failed: ReadonlySet<string>
  readonly told: ToldNumbers
}

/**
 * What nodes, pods, containers and volumes use: from the kubelets; or where they may not be asked or do not answer, processors and
 * memory alone, from metrics.k8s.io.
 */
export const usage: Collector<UsageClient> = {
  every: '30s',
  deadline: '60s',
  async collect(client, context) {
    await client.cluster.listed(context.signal)
    const used = await read(client, context)
    client.lastMemory.take(used.metrics ?? [], context.now())
    return used
  },
}

async function read(client: UsageClient, { signal, now, remember }: CollectContext): Promise<Signals> {
  const known = knownObjects(client.cluster)
  if (client.config.namespaces.length > 0)
    return withoutSummaries(client, known, signal, 'kubelets may not be asked where only some namespaces are watched')
  const memory: Memory = { refusal: undefined, failed: new Set(), told: new WeakMap() }
  Object.assign(memory, remember(memory))
  const at = now()
  if (memory.refusal !== undefined && at.getTime() - memory.refusal.at < LEFT_ALONE)
    return withoutSummaries(client, known, signal, memory.refusal.reason)
  const resource = client.cluster.resource('nodes')
  const nodes = [...client.cluster.objects('nodes').values()]
  if (resource === undefined || nodes.length === 0) return withoutSummaries(client, known, signal, 'no node is known')
  const { api } = client
  const context = { known, seen: new Set<string>(), isNews: slowNumbers(memory.told, at), now: at }
  const summaries = await readSummaries({ ...context, api, resource, nodes, failedBefore: memory.failed, signal })
  const { answered, refusal } = summaries
  memory.failed = new Set(summaries.failures.map(({ node }) => node.uid))
  memory.refusal = refusal === undefined ? undefined : { at: at.getTime(), reason: refusal }
  const gaps = gapsOf(summaries)
  if (refusal === undefined && answered > 0) return { metrics: summaries.points, gaps }
  // Kubelets that answered before one was refused are told by the other source, too: nothing is told twice.
  const instead = await withoutSummaries(client, known, signal, refusal ?? 'no kubelet answers')
  return { metrics: instead.metrics ?? [], gaps: [...gaps, ...(instead.gaps ?? [])] }
}

/** @param why kubelets tell nothing */
async function withoutSummaries(
  { api, cluster, config: { namespaces } }: UsageClient,
  known: KnownObjects,
  signal: AbortSignal,
  why: string,
): Promise<Signals> {
  const { problem, metrics, gaps = [] } = await readMetricsApi({ api, cluster, known, namespaces, signal })
  if (problem !== undefined) return { gaps: [{ scope: 'usage', reason: `${why}; and instead of them: ${problem}` }] }
  // Who watches some namespaces has chosen so.
  if (namespaces.length > 0) return { metrics, gaps }
  const seen = 'of what is used only processors and memory are seen, from metrics.k8s.io'
  return { metrics, gaps: [{ scope: 'kubelet', reason: `${seen}: ${why}` }, ...gaps] }
}

function gapsOf({ failures }: Summaries): { scope: string; reason: string }[] {
  const all = failures
    .map(({ node, reason }) => ({ scope: `kubelet:${node.name}`, reason }))
    .toSorted((one, other) => (one.scope < other.scope ? -1 : 1))
  const others = all.length - MOST_NAMED
  if (others <= 0) return all
  return [...all.slice(0, MOST_NAMED), { scope: 'kubelet:others', reason: `${others} more kubelets do not answer` }]
}
