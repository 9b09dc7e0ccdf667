import { redactSecrets } from '@rca/core/connector'
import type { Cluster } from '../kinds/index.ts'
import { type Condition, isReady } from '../kinds/metadata.ts'
import type { Node } from '../kinds/node/node-projection.ts'

const MAX_MESSAGE_LENGTH = 300

/** Describes the problems of a node, as `Ready=Unknown (NodeStatusUnknown): …`. Empty for an unknown node. */
export function nodeProblems(cluster: Cluster, name: string | undefined): readonly string[] {
  return nodeNamed(cluster, name)?.conditions.filter(isProblem).map(describe) ?? []
}

/**
 * Returns whether the pod statuses of a node's kubelet can be trusted: not if the node is `deleted` or `not ready`.
 * `unknown` if nodes cannot be watched at the moment.
 */
export function nodeState(cluster: Cluster, name: string): 'ready' | 'not ready' | 'deleted' | 'unknown' {
  const node = nodeNamed(cluster, name)
  if (node !== undefined) return isReady(node) ? 'ready' : 'not ready'
  const status = cluster.syncStatus('nodes')
  return status?.isListed === true && status.isCurrent ? 'deleted' : 'unknown'
}

function nodeNamed(cluster: Cluster, name: string | undefined): Node | undefined {
  for (const node of cluster.objects('nodes').values()) if (node.name === name) return node
  return undefined
}

/**
 * Returns whether a condition is a problem. Conditions of kubelets, clouds and problem detectors are named after the
 * problem, or end in `Ready`, except for the one of a node that takes part in etcd.
 */
export function isProblem({ type, status }: Condition): boolean {
  if (type === 'EtcdIsVoter') return false
  return type.endsWith('Ready') ? status !== 'True' : status === 'True'
}

function describe({ type, status, reason, message }: Condition): string {
  const why = reason === undefined ? '' : ` (${reason})`
  const text = message === undefined ? '' : `: ${redactSecrets(message).slice(0, MAX_MESSAGE_LENGTH)}`
  return `${type}=${status}${why}${text}`
}
