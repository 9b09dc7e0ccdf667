import { redactSecrets } from '@rca/core/connector'
import type { Cluster } from '../kinds/index.ts'
import { type Condition, isReady } from '../kinds/metadata.ts'
import type { Node } from '../kinds/node/node-projection.ts'

/** Characters of a condition's message that are reported. */
const MAX_MESSAGE_LENGTH = 300

/** Describes the problems of a node, as `Ready=Unknown (NodeStatusUnknown): …`. Empty for an unknown node. */
export function nodeProblems(cluster: Pick<Cluster, 'objects'>, name: string | undefined): readonly string[] {
  return nodeNamed(cluster, name)?.conditions.filter(isProblem).map(describe) ?? []
}

/**
 * Returns whether the pod statuses of a node's kubelet can be trusted: not if the node is `deleted` or `not ready`.
 * `unknown` if nodes cannot be watched at the moment.
 */
export function nodeState(
  cluster: Pick<Cluster, 'objects' | 'syncStatus'>,
  name: string,
): 'ready' | 'not ready' | 'deleted' | 'unknown' {
  const node = nodeNamed(cluster, name)
  if (node !== undefined) return isReady(node) ? 'ready' : 'not ready'
  const status = cluster.syncStatus('nodes')
  return status?.isListed === true && status.isCurrent ? 'deleted' : 'unknown'
}

function nodeNamed(cluster: Pick<Cluster, 'objects'>, name: string | undefined): Node | undefined {
  if (name === undefined) return undefined
  for (const node of cluster.objects('nodes').values()) if (node.name === name) return node
  return undefined
}

/**
 * Conditions that are not problems: that a node takes part in etcd. All other conditions of kubelets, clouds and
 * problem detectors are named after the problem, or end in `Ready`.
 */
const HARMLESS_CONDITIONS = new Set(['EtcdIsVoter'])

/** Returns whether a condition is a problem. All conditions except readiness are problems while they are true. */
export function isProblem({ type, status }: Pick<Condition, 'type' | 'status'>): boolean {
  if (HARMLESS_CONDITIONS.has(type)) return false
  return type.endsWith('Ready') ? status !== 'True' : status === 'True'
}

function describe({ type, status, reason, message }: Condition): string {
  const why = reason === undefined ? '' : ` (${reason})`
  const text = message === undefined ? '' : `: ${redactSecrets(message).slice(0, MAX_MESSAGE_LENGTH)}`
  return `${type}=${status}${why}${text}`
}
