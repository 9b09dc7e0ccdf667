import { redactSecrets } from '@rca/core/connector'
import type { Cluster } from '../kinds/index.ts'
import { type Condition, isReady } from '../kinds/metadata.ts'
import type { Node } from '../kinds/node/node.ts'

/** Longest text of a condition that is told, in characters. */
const LONGEST = 300

/** What is not well with a node, as `Ready=Unknown (NodeStatusUnknown): …`. Empty for one that is well, or is not seen. */
export function nodeProblems(cluster: Pick<Cluster, 'objects'>, name: string | undefined): readonly string[] {
  return nodeNamed(cluster, name)?.conditions.filter(isProblem).map(describe) ?? []
}

/**
 * Whether what a kubelet has said of its pods still holds: `gone` where there is no node of this name, `not ready` where it was
 * not heard of or is in trouble itself. `unknown` where nodes cannot be seen as they are now.
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
 * What a node may tell of itself without anything being wrong: that it takes part in etcd. All other conditions of kubelets,
 * clouds and problem detectors are named after the trouble, or end in `Ready`.
 */
const WELL = new Set(['EtcdIsVoter'])

/** Whether a condition says that something is wrong. All but readiness are troubles while they hold. */
export function isProblem({ type, status }: Pick<Condition, 'type' | 'status'>): boolean {
  if (WELL.has(type)) return false
  return type.endsWith('Ready') ? status !== 'True' : status === 'True'
}

function describe({ type, status, reason, message }: Condition): string {
  const why = reason === undefined ? '' : ` (${reason})`
  const text = message === undefined ? '' : `: ${redactSecrets(message).slice(0, LONGEST)}`
  return `${type}=${status}${why}${text}`
}
