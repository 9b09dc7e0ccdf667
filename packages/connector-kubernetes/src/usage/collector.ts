import type { CollectContext, Metric, Signals, StreamingCollector } from '@rca/core/connector'
import { deltaFilterSince, type SentValues } from '../kinds/delta-filter.ts'
import type { Node } from '../kinds/node/node-projection.ts'
import { createHandoff } from './handoff.ts'
import { type KnownObjects, knownObjects } from './known-objects.ts'
import { readMetricsApi } from './metrics-api.ts'
import { readSummaries, SUMMARY_TIMEOUTS, type Summaries, type SummaryReading } from './read-summaries.ts'
import type { UsageClient } from './usage-client.ts'

/** Failing kubelets with a gap of their own. The others are counted in one gap. */
const MAX_NAMED_KUBELETS = 20

/** Interval of attempts to read kubelets that the agent had no permission to read. */
const REFUSAL_RETRY_INTERVAL_MS = 600_000

/** In a cluster with more nodes, each cycle reads every other node. */
const MAX_NODES_PER_CYCLE = 20

type Failure = Summaries['failures'][number]

/** State between two cycles. */
interface UsageState {
  refusal: { readonly at: number; readonly reason: string } | undefined
  /** Kubelets that did not answer their latest request, by UID of the node. */
  failures: ReadonlyMap<string, Failure>
  /** Selects the nodes of the next cycle if a cycle reads every other node. */
  half: 0 | 1
  /** A kubelet answered in the previous cycle. */
  answered: boolean
  sent: SentValues
}

/**
 * Reports the usage of nodes, pods, containers and volumes from the kubelets' summaries. If kubelets cannot be read,
 * it reports CPU and memory from metrics.k8s.io instead.
 */
export const usage: StreamingCollector<UsageClient> = {
  interval: '15s',
  timeout: '60s',
  async *collect(client, context) {
    await client.cluster.listed(context.signal)
    const batches = createHandoff<readonly Metric[]>()
    const reading = read(client, context, batches.put).finally(batches.end)
    // Handled below, but not if the generator is closed before.
    reading.catch(() => undefined)
    for await (const metrics of batches) {
      client.lastMemory.take(metrics, context.now())
      yield { metrics }
    }
    const rest = await reading
    client.lastMemory.take(rest.metrics ?? [], context.now())
    // Only now: if nothing can be read, the last known values are all there is.
    client.lastMemory.dropOld(context.now())
    yield rest
  },
}

async function read(client: UsageClient, context: CollectContext, emit: SummaryReading['emit']): Promise<Signals> {
  const { signal, now, swapState } = context
  const known = knownObjects(client.cluster)
  if (client.config.namespaces.length > 0)
    return readWithoutSummaries(client, known, signal, 'kubelets cannot be read where only some namespaces are watched')
  const state: UsageState = { refusal: undefined, failures: new Map(), half: 0, answered: false, sent: new Map() }
  Object.assign(state, swapState(state))
  const at = now()
  if (state.refusal !== undefined && at.getTime() - state.refusal.at < REFUSAL_RETRY_INTERVAL_MS)
    return readWithoutSummaries(client, known, signal, state.refusal.reason)
  const resource = client.cluster.resource('nodes')
  const all = [...client.cluster.objects('nodes').values()]
  const isHalved = all.length > MAX_NODES_PER_CYCLE && context.fullSnapshot !== true
  const nodes = isHalved ? all.filter((_node, index) => index % 2 === state.half) : all
  if (resource === undefined || nodes.length === 0)
    return readWithoutSummaries(client, known, signal, 'no node is known')
  const filter = deltaFilterSince(state.sent, context)
  filter.retain(client.cluster.objects('pods'))
  state.sent = filter.sent
  const summaries = await readSummaries({
    known,
    seen: new Set<string>(),
    filter,
    now: at,
    api: client.api,
    resource,
    nodes,
    failedBefore: new Set(state.failures.keys()),
    emit,
    signal,
    timeouts: isHalved ? SUMMARY_TIMEOUTS : { ...SUMMARY_TIMEOUTS, allMs: 2 * SUMMARY_TIMEOUTS.allMs },
  })
  const { refusal } = summaries
  if (context.fullSnapshot === true) state.sent = withoutFailedNodes(state.sent, client, summaries)
  const isAnswered = summaries.answered > 0 || (nodes.length < all.length && state.answered)
  state.answered = summaries.answered > 0
  state.half = state.half === 0 ? 1 : 0
  state.failures = refusal === undefined ? latestFailures(all, nodes, state.failures, summaries) : new Map()
  state.refusal = refusal === undefined ? undefined : { at: at.getTime(), reason: refusal }
  const gaps = gapsOf([...state.failures.values()])
  if (refusal === undefined && isAnswered) return { gaps }
  // Some kubelets answered before one failed: metrics.k8s.io would report the same metrics again.
  if (summaries.hasEmitted) return { gaps: refusal === undefined ? gaps : [{ scope: 'kubelet', reason: refusal }] }
  const fallback = await readWithoutSummaries(client, known, signal, refusal ?? 'no kubelet answers')
  return { metrics: fallback.metrics ?? [], gaps: [...gaps, ...(fallback.gaps ?? [])] }
}

/** @param reason why kubelets are not read */
async function readWithoutSummaries(
  { api, cluster, config: { namespaces } }: UsageClient,
  known: KnownObjects,
  signal: AbortSignal,
  reason: string,
): Promise<Signals> {
  const { problem, metrics, gaps = [] } = await readMetricsApi({ api, cluster, known, namespaces, signal })
  if (problem !== undefined)
    return { gaps: [{ scope: 'usage', reason: `${reason}; metrics.k8s.io cannot be read either: ${problem}` }] }
  // An operator who selects namespaces knows that kubelets are not read.
  if (namespaces.length > 0) return { metrics, gaps }
  const fallback = `only CPU and memory are reported, from metrics.k8s.io: ${reason}`
  return { metrics, gaps: [{ scope: 'kubelet', reason: fallback }, ...gaps] }
}

/** Forgets pods of nodes that failed during a full snapshot, so that all of their points are sent next time. */
function withoutFailedNodes(sent: SentValues, { cluster }: UsageClient, { refusal, failures }: Summaries): SentValues {
  if (refusal !== undefined) return new Map()
  const failed = new Set(failures.map(({ node }) => node.name))
  const pods = cluster.objects('pods')
  return new Map([...sent].filter(([uid]) => !failed.has(pods.get(uid)?.node ?? '')))
}

/** Returns the failures of the nodes that were read, and the previous failures of the others. */
function latestFailures(
  all: readonly Node[],
  read: readonly Node[],
  before: ReadonlyMap<string, Failure>,
  { failures }: Summaries,
): ReadonlyMap<string, Failure> {
  const latest = new Map(failures.map((failure) => [failure.node.uid, failure]))
  const isRead = new Set(read)
  for (const node of all) {
    const known = before.get(node.uid)
    if (!isRead.has(node) && known !== undefined) latest.set(node.uid, known)
  }
  return latest
}

function gapsOf(failures: readonly Failure[]): { scope: string; reason: string }[] {
  const all = failures
    .map(({ node, reason }) => ({ scope: `kubelet:${node.name}`, reason }))
    .toSorted((one, other) => (one.scope < other.scope ? -1 : 1))
  const others = all.length - MAX_NAMED_KUBELETS
  if (others <= 0) return all
  return [
    ...all.slice(0, MAX_NAMED_KUBELETS),
    { scope: 'kubelet:others', reason: `${others} more kubelets do not answer` },
  ]
}
