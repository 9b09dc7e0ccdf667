import type { Metric } from '@rca/core/connector'
import { fields, maybeFields, text } from '../kinds/fields.ts'
import { namedReference } from '../kinds/references.ts'
import { nodePoints } from './node-points.ts'
import { type PodContext, podPoints } from './pod-points.ts'

/** What is needed to read summaries into points. */
export interface SummaryContext extends PodContext {
  readonly now: Date
}

/**
 * What a node and its pods use, from its kubelet's answer (`stats/summary`, Kubernetes 1.20 and later): first of the node, then of one pod
 * after the other. Pods that are not known are left out: they are in other namespaces, or younger than what is known.
 *
 * @throws Error when it is no summary
 */
export function* summaryPoints(
  raw: unknown,
  nodeName: string,
  { known, seen, now, news }: SummaryContext,
): Iterable<readonly Metric[]> {
  const { node, pods } = fields(raw)
  if (maybeFields(node) === undefined) throw new Error('what its kubelet answered is no summary')
  yield present(nodePoints(node, namedReference('Node', { namespace: '', name: nodeName }), now))
  for (const item of isIterable(pods) ? pods : []) {
    const stats = fields(item)
    const { uid, namespace, name } = fields(stats.podRef)
    const pod = known.podOf(text(uid), text(namespace), text(name))
    if (pod !== undefined) yield present(podPoints(stats, pod, { known, seen, news }))
  }
}

function present(points: readonly (Metric | undefined)[]): readonly Metric[] {
  return points.filter((point) => point !== undefined)
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value
}
