import { redactSecrets } from '@rca/core'
import type { Cluster } from '../cluster/cluster.ts'
import type { Condition } from '../resources/metadata.ts'

/** Longest text of a condition that is told, in characters. */
const LONGEST = 300

/** What is not well with a node, as `Ready=Unknown (NodeStatusUnknown): …`. Empty for one that is well, or is not seen. */
export function nodeProblems(cluster: Pick<Cluster, 'objects'>, name: string | undefined): readonly string[] {
  if (name === undefined) return []
  for (const node of cluster.objects('nodes').values())
    if (node.name === name) return node.conditions.filter(isProblem).map(describe)
  return []
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
