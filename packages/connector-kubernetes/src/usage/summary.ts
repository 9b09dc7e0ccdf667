import type { Metric } from '@rca/core'
import { namedReference } from '../entity-references.ts'
import { fields, list, maybeFields, text } from '../resources/lenient.ts'
import type { KnownObjects } from './known-objects.ts'
import { nodePoints } from './node-points.ts'
import { podPoints } from './pod-points.ts'

/** What is needed to read summaries into points. */
export interface SummaryContext {
  readonly known: KnownObjects
  /** Claims that have been told in this round. */
  readonly seen: Set<string>
  readonly now: Date
}

/**
 * What a node and its pods use, from its kubelet's answer (`stats/summary`, Kubernetes 1.20 and later). Pods that are not known are
 * left out: they are in other namespaces, or younger than what is known.
 *
 * @throws Error when it is no summary
 */
export function summaryPoints(raw: unknown, nodeName: string, { known, seen, now }: SummaryContext): Metric[] {
  const { node, pods } = fields(raw)
  if (maybeFields(node) === undefined) throw new Error('what its kubelet answered is no summary')
  const points = nodePoints(node, namedReference('Node', { namespace: '', name: nodeName }), now)
  for (const stats of list(pods)) {
    const { uid, namespace, name } = fields(stats.podRef)
    const pod = known.podOf(text(uid), text(namespace), text(name))
    if (pod !== undefined) points.push(...podPoints(stats, pod, known, seen))
  }
  return points.filter((point) => point !== undefined)
}
