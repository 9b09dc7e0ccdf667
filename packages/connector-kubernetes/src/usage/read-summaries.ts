import { createTimeSlice, type Metric, yieldToEventLoop } from '@rca/core/connector'
import { KubernetesError } from '../api/errors.ts'
import { parseWithLazyArray } from '../api/json-array.ts'
import type { ApiResource, KubernetesApi } from '../api/kubernetes-api.ts'
import { isReady } from '../kinds/metadata.ts'
import type { Node } from '../kinds/node/node.ts'
import { type SummaryContext, summaryPoints } from './summary.ts'

/** Kubelets that are asked at once. */
const AT_ONCE = 4

/** Points that are handed over together. */
const TOLD_AT_ONCE = 50

/** Milliseconds. */
export interface Patience {
  /** For the kubelet of a node that is ready. */
  readonly ready: number
  /** For that of another. */
  readonly notReady: number
  /** For all of them. */
  readonly all: number
}

/** With half of the nodes of a large cluster. */
export const PATIENCE: Patience = { ready: 5000, notReady: 1000, all: 20_000 }

/** What has to be known to ask kubelets. */
export interface SummaryReading extends SummaryContext {
  readonly api: Pick<KubernetesApi, 'get'>
  /** `nodes` */
  readonly resource: ApiResource
  readonly nodes: readonly Node[]
  /** Uids of nodes that did not answer in the round before: they are asked last. */
  readonly failedBefore: ReadonlySet<string>
  readonly patience?: Patience
  /** Takes what one kubelet after the other tells. */
  readonly tell: (points: readonly Metric[]) => Promise<void>
  readonly signal: AbortSignal
}

/** What kubelets answered. */
export interface Summaries {
  readonly answered: number
  /** Whether anything was told, also of a node whose kubelet did not answer to the end. */
  readonly hasTold: boolean
  /** Nodes whose kubelets did not say everything, and why. */
  readonly failures: readonly { readonly node: Node; readonly reason: string }[]
  /** Nobody may ask kubelets: the others were not asked then. */
  readonly refusal: string | undefined
}

/**
 * Asks every node's kubelet through the API server, a few at a time. Each answer becomes points and is dropped before the next is
 * asked for: that of a hundred pods is above half a MiB.
 */
export async function readSummaries(reading: SummaryReading): Promise<Summaries> {
  const { nodes, failedBefore, patience = PATIENCE, signal } = reading
  const left = inOrder(nodes, failedBefore)
  const stop = new AbortController()
  const stopped = AbortSignal.any([signal, stop.signal])
  let until = performance.now() + patience.all
  let hasTold = false
  const tell: SummaryReading['tell'] = async (points) => {
    if (points.length === 0) return
    hasTold = true
    const begun = performance.now()
    await reading.tell(points)
    // The time for which there was no room is not the kubelets'.
    until += (performance.now() - begun) / AT_ONCE
  }
  const own = { ...reading, tell }
  const failures: { node: Node; error: unknown }[] = []
  let answered = 0
  let refusal: KubernetesError | undefined
  const work = async (): Promise<void> => {
    for (let node = left.shift(); node !== undefined; node = left.shift()) {
      const time = Math.min(isReady(node) ? patience.ready : patience.notReady, until - performance.now())
      try {
        await readSummary(own, node, time, stopped)
        answered += 1
      } catch (error) {
        signal.throwIfAborted()
        if (refusal !== undefined) return
        if (isRefusal(error)) refusal = error
        failures.push({ node, error })
        if (refusal !== undefined) return stop.abort()
      }
      // A long answer takes some milliseconds: others have their turn between two.
      await yieldToEventLoop()
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  // Kubelets themselves refuse where the API server's own certificate may not ask them.
  if (answered === 0) refusal ??= failures.map(({ error }) => error).find(isForbidden)
  return {
    answered,
    hasTold,
    failures: refusal === undefined ? failures.map(({ node, error }) => ({ node, reason: reasonOf(node, error) })) : [],
    refusal: refusal?.message,
  }
}

async function readSummary(reading: SummaryReading, node: Node, time: number, stopped: AbortSignal): Promise<void> {
  if (time <= 0) throw new Error('it was not asked: others took too long')
  const timeout = AbortSignal.timeout(Math.ceil(time))
  const path = { name: node.name, subresource: 'proxy/stats/summary' }
  let answer: unknown
  try {
    answer = await reading.api.get(reading.resource, path, AbortSignal.any([stopped, timeout]), (json) =>
      parseWithLazyArray(json, 'pods'),
    )
  } catch (error) {
    if (timeout.aborted)
      throw new Error(`its kubelet did not answer within ${Math.ceil(time / 1000)} s`, { cause: error })
    throw error
  }
  if (answer === undefined) throw new Error('the node is gone, or its kubelet has no summary')
  let points: Metric[] = []
  const slice = createTimeSlice()
  try {
    for (const some of summaryPoints(answer, node.name, reading)) {
      points.push(...some)
      if (points.length < TOLD_AT_ONCE) continue
      const full = points
      points = []
      await reading.tell(full)
      if (slice.isOver()) await slice.next()
    }
  } finally {
    // Also of an answer that breaks off: what it holds up to there counts as told.
    await reading.tell(points)
  }
}

/** Those that are likely to answer first. */
function inOrder(nodes: readonly Node[], failedBefore: ReadonlySet<string>): Node[] {
  const rank = (node: Node): number => (isReady(node) ? 0 : 2) + (failedBefore.has(node.uid) ? 1 : 0)
  return nodes.toSorted((one, other) => rank(one) - rank(other))
}

/** Whether the API server itself refuses, and so does for every node. What a kubelet refuses is no `Status`. */
function isRefusal(error: unknown): error is KubernetesError {
  return isForbidden(error) && error.reason === 'Forbidden'
}

function isForbidden(error: unknown): error is KubernetesError {
  return error instanceof KubernetesError && error.status === 403 && error.permission !== undefined
}

function reasonOf(node: Node, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return isReady(node) ? message : `the node is not ready, and ${message}`
}
