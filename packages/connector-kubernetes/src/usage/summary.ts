import type { Metric } from '@rca/core/connector'
import { fields, maybeFields, text } from '../kinds/fields.ts'
import { namedReference } from '../kinds/references.ts'
import { nodePoints } from './node-points.ts'
import { type PodContext, podPoints } from './pod-points.ts'

export interface SummaryContext extends PodContext {
  readonly now: Date
}

/**
 * Converts a kubelet's answer (`stats/summary`, Kubernetes 1.20 and later) to points: first those of the node, then
 * those of each pod. Leaves out unknown pods: they are in other namespaces, or newer than the cache.
 *
 * @throws Error when the answer is not a summary
 */
export function* summaryPoints(
  raw: unknown,
  nodeName: string,
  { known, seen, now, filter }: SummaryContext,
): Iterable<readonly Metric[]> {
  const { node, pods } = fields(raw)
  if (maybeFields(node) === undefined) throw new Error('the answer of its kubelet is not a summary')
  yield present(nodePoints(node, namedReference('Node', { namespace: '', name: nodeName }), now))
  for (const item of isIterable(pods) ? pods : []) {
    const stats = fields(item)
    const { uid, namespace, name } = fields(stats.podRef)
    const pod = known.podOf(text(uid), text(namespace), text(name))
    if (pod !== undefined) yield present(podPoints(stats, pod, { known, seen, filter }))
  }
}

function present(points: readonly (Metric | undefined)[]): readonly Metric[] {
  return points.filter((point) => point !== undefined)
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value
}
