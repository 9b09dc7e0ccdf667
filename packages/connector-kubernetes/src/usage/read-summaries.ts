import { createTimeSlice, type Metric } from '@rca/core/connector'
import { KubernetesError } from '../api/errors.ts'
import { parseWithLazyArray } from '../api/json-array.ts'
import type { ApiResource, KubernetesApi } from '../api/kubernetes-api.ts'
import { isReady } from '../kinds/metadata.ts'
import type { Node } from '../kinds/node/node-projection.ts'
import { type SummaryContext, summaryPoints } from './summary.ts'

const MAX_CONCURRENT_KUBELETS = 4

const BATCH_SIZE = 50

/**
 * Timeouts of a cycle that reads half of the nodes of a large cluster: for the kubelet of a ready node, for that of
 * another node, and for all kubelets together.
 */
export const SUMMARY_TIMEOUTS = { readyMs: 5000, notReadyMs: 1000, allMs: 20_000 }

export interface SummaryReading extends SummaryContext {
  readonly api: Pick<KubernetesApi, 'get'>
  /** `nodes` */
  readonly resource: ApiResource
  readonly nodes: readonly Node[]
  /** UIDs of the nodes that failed in the previous cycle: they are read last. */
  readonly failedBefore: ReadonlySet<string>
  readonly timeouts: typeof SUMMARY_TIMEOUTS
  /** Called with the points of one kubelet after the other. */
  readonly emit: (points: readonly Metric[]) => Promise<void>
  readonly signal: AbortSignal
}

export interface Summaries {
  /** Number of kubelets that answered. */
  readonly answered: number
  /** Points were emitted, even if only of an answer that was incomplete. */
  readonly hasEmitted: boolean
  /** Nodes whose kubelet failed. */
  readonly failures: readonly { readonly node: Node; readonly reason: string }[]
  /** Set if the agent has no permission to read kubelets: the remaining ones were not read. */
  readonly refusal: string | undefined
}

/**
 * Reads the summary of every node's kubelet through the API server, a few at a time. Each answer becomes points and
 * is dropped before the next request: the summary of a hundred pods is larger than half a MiB.
 */
export async function readSummaries(reading: SummaryReading): Promise<Summaries> {
  const { nodes, failedBefore, timeouts, signal } = reading
  const left = byLikelihood(nodes, failedBefore)
  const stop = new AbortController()
  const stopped = AbortSignal.any([signal, stop.signal])
  let until = performance.now() + timeouts.allMs
  let hasEmitted = false
  const emit: SummaryReading['emit'] = async (points) => {
    if (points.length === 0) return
    hasEmitted = true
    const begin = performance.now()
    await reading.emit(points)
    // The time of back-pressure does not count against the kubelets.
    until += (performance.now() - begin) / MAX_CONCURRENT_KUBELETS
  }
  const failures: { node: Node; error: unknown }[] = []
  let answered = 0
  let refusal: KubernetesError | undefined
  const work = async (): Promise<void> => {
    for (let node = left.shift(); node !== undefined; node = left.shift()) {
      const timeout = Math.min(isReady(node) ? timeouts.readyMs : timeouts.notReadyMs, until - performance.now())
      try {
        await readSummary({ ...reading, emit }, node, timeout, stopped)
        answered += 1
      } catch (error) {
        signal.throwIfAborted()
        if (refusal !== undefined) return
        failures.push({ node, error })
        if (isApiServerRefusal(error)) {
          refusal = error
          return stop.abort()
        }
      }
      // Processing a long answer takes some milliseconds.
      await createTimeSlice().next()
    }
  }
  await Promise.all(Array.from({ length: MAX_CONCURRENT_KUBELETS }, work))
  // Kubelets themselves refuse if they do not accept the API server's client certificate.
  if (answered === 0) refusal ??= failures.map(({ error }) => error).find(isForbidden)
  return {
    answered,
    hasEmitted,
    failures: refusal === undefined ? failures.map(({ node, error }) => ({ node, reason: reasonOf(node, error) })) : [],
    refusal: refusal?.message,
  }
}

async function readSummary(
  reading: SummaryReading,
  node: Node,
  timeoutMs: number,
  stopped: AbortSignal,
): Promise<void> {
  if (timeoutMs <= 0) throw new Error('its kubelet was not read: other kubelets took too long')
  const timeout = AbortSignal.timeout(Math.ceil(timeoutMs))
  const path = { name: node.name, subresource: 'proxy/stats/summary' }
  let answer: unknown
  try {
    answer = await reading.api.get(reading.resource, path, AbortSignal.any([stopped, timeout]), (json) =>
      parseWithLazyArray(json, 'pods'),
    )
  } catch (error) {
    if (timeout.aborted)
      throw new Error(`its kubelet did not answer within ${Math.ceil(timeoutMs / 1000)} s`, { cause: error })
    throw error
  }
  if (answer === undefined) throw new Error('the node was deleted, or its kubelet has no summary')
  let batch: Metric[] = []
  const slice = createTimeSlice()
  try {
    for (const points of summaryPoints(answer, node.name, reading)) {
      batch.push(...points)
      if (batch.length < BATCH_SIZE) continue
      const full = batch
      batch = []
      await reading.emit(full)
      if (slice.isOver()) await slice.next()
    }
  } finally {
    // Also for an incomplete answer: the delta filter counts these points as sent.
    await reading.emit(batch)
  }
}

/** Puts kubelets first that are likely to answer. */
function byLikelihood(nodes: readonly Node[], failedBefore: ReadonlySet<string>): Node[] {
  const rank = (node: Node): number => (isReady(node) ? 0 : 2) + (failedBefore.has(node.uid) ? 1 : 0)
  return nodes.toSorted((one, other) => rank(one) - rank(other))
}

/** Returns whether the API server refused, as it will for every node. A kubelet's refusal is not a `Status`. */
function isApiServerRefusal(error: unknown): error is KubernetesError {
  return isForbidden(error) && error.reason === 'Forbidden'
}

function isForbidden(error: unknown): error is KubernetesError {
  return error instanceof KubernetesError && error.status === 403 && error.permission !== undefined
}

function reasonOf(node: Node, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return isReady(node) ? message : `the node is not ready, and ${message}`
}
