import type { CollectContext, Metric, Signals, StreamingCollector } from '@rca/core/connector'
import { newsSince, type ToldValues } from '../kinds/delta-filter.ts'
import type { Node } from '../kinds/node/node.ts'
import { createHandoff } from './handoff.ts'
import { type KnownObjects, knownObjects } from './known-objects.ts'
import { readMetricsApi } from './metrics-api.ts'
import { PATIENCE, readSummaries, type Summaries } from './read-summaries.ts'
import type { UsageClient } from './usage-client.ts'

/** Kubelets that are named when they do not answer. The others are counted. */
const MOST_NAMED = 20

/** How long kubelets that may not be asked are left alone, in milliseconds: by then somebody may have given the permission. */
const LEFT_ALONE = 600_000

/** Most nodes that are all read in one round. Of more, each round reads every other one, unless it stands alone. */
const FEW = 20

type Failure = Summaries['failures'][number]

/** What one round leaves to the next. */
interface Memory {
  refusal: { readonly at: number; readonly reason: string } | undefined
  /** By uid of the node: whose kubelets did not answer when they were last asked. */
  failures: ReadonlyMap<string, Failure>
  /** Which nodes are read next, where it is every other one. */
  half: 0 | 1
  /** Whether a kubelet answered in the round before. */
  answered: boolean
  told: ToldValues
}

/**
 * What nodes, pods, containers and volumes use: from the kubelets; or where they may not be asked or do not answer, processors and
 * memory alone, from metrics.k8s.io.
 */
export const usage: StreamingCollector<UsageClient> = {
  interval: '15s',
  timeout: '60s',
  async *collect(client, context) {
    await client.cluster.listed(context.signal)
    const { lastMemory } = client
    const batches = createHandoff<readonly Metric[]>()
    const reading = read(client, context, batches.put).finally(batches.end)
    // Handled below, but not if the generator is closed before.
    reading.catch(() => undefined)
    for await (const metrics of batches) {
      lastMemory.take(metrics, context.now())
      yield { metrics }
    }
    const rest = await reading
    lastMemory.take(rest.metrics ?? [], context.now())
    // Only now: if nothing can be read, the last known values are all there is.
    lastMemory.dropOld(context.now())
    yield rest
  },
}

async function read(
  client: UsageClient,
  collecting: CollectContext,
  tell: (points: readonly Metric[]) => Promise<void>,
): Promise<Signals> {
  const { signal, now, swapState } = collecting
  const known = knownObjects(client.cluster)
  if (client.config.namespaces.length > 0)
    return withoutSummaries(client, known, signal, 'kubelets may not be asked where only some namespaces are watched')
  const memory: Memory = {
    refusal: undefined,
    failures: new Map(),
    half: 0,
    answered: false,
    told: new Map(),
  }
  Object.assign(memory, swapState(memory))
  const at = now()
  if (memory.refusal !== undefined && at.getTime() - memory.refusal.at < LEFT_ALONE)
    return withoutSummaries(client, known, signal, memory.refusal.reason)
  const resource = client.cluster.resource('nodes')
  const all = [...client.cluster.objects('nodes').values()]
  const isHalved = all.length > FEW && collecting.fullSnapshot !== true
  const nodes = isHalved ? all.filter((_node, index) => index % 2 === memory.half) : all
  if (resource === undefined || nodes.length === 0) return withoutSummaries(client, known, signal, 'no node is known')
  const { api } = client
  const context = { known, seen: new Set<string>(), news: newsSince(memory.told, collecting), now: at }
  context.news.keepOnly(client.cluster.objects('pods'))
  memory.told = context.news.told
  const failedBefore = new Set(memory.failures.keys())
  const patience = isHalved ? PATIENCE : { ...PATIENCE, all: 2 * PATIENCE.all }
  const summaries = await readSummaries({ ...context, api, resource, nodes, failedBefore, tell, signal, patience })
  const { refusal } = summaries
  if (collecting.fullSnapshot === true) memory.told = toldOfRead(memory.told, client, summaries)
  const isAnswered = summaries.answered > 0 || (nodes.length < all.length && memory.answered)
  memory.answered = summaries.answered > 0
  memory.half = memory.half === 0 ? 1 : 0
  memory.failures = refusal === undefined ? failuresOf(all, nodes, memory.failures, summaries) : new Map()
  memory.refusal = refusal === undefined ? undefined : { at: at.getTime(), reason: refusal }
  const gaps = gapsOf([...memory.failures.values()])
  if (refusal === undefined && isAnswered) return { gaps }
  // Some have told already, before one was refused or broke: nothing is told twice.
  if (summaries.hasTold) return { gaps: refusal === undefined ? gaps : [{ scope: 'kubelet', reason: refusal }] }
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

/** Without pods that were to be told as a whole, and whose kubelets told nothing. */
function toldOfRead(
  told: ToldValues,
  { cluster }: Pick<UsageClient, 'cluster'>,
  { refusal, failures }: Summaries,
): ToldValues {
  if (refusal !== undefined) return new Map()
  const silent = new Set(failures.map(({ node }) => node.name))
  const pods = cluster.objects('pods')
  return new Map([...told].filter(([uid]) => !silent.has(pods.get(uid)?.node ?? '')))
}

/** Those of the nodes that were read, and what is known of those that were not and are still there. */
function failuresOf(
  all: readonly Node[],
  read: readonly Node[],
  before: ReadonlyMap<string, Failure>,
  { failures }: Summaries,
): ReadonlyMap<string, Failure> {
  const now = new Map(failures.map((failure) => [failure.node.uid, failure]))
  const isRead = new Set(read)
  for (const node of all) {
    const known = before.get(node.uid)
    if (!isRead.has(node) && known !== undefined) now.set(node.uid, known)
  }
  return now
}

function gapsOf(failures: readonly Failure[]): { scope: string; reason: string }[] {
  const all = failures
    .map(({ node, reason }) => ({ scope: `kubelet:${node.name}`, reason }))
    .toSorted((one, other) => (one.scope < other.scope ? -1 : 1))
  const others = all.length - MOST_NAMED
  if (others <= 0) return all
  return [...all.slice(0, MOST_NAMED), { scope: 'kubelet:others', reason: `${others} more kubelets do not answer` }]
}
