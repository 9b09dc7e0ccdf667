import { CLAIM_PROTECTION, holdsClaim } from '../../evidence/claim-users.ts'
import { componentMessage } from '../../evidence/component-message.ts'
import { nodeProblems, nodeState } from '../../evidence/node-problems.ts'
import type { Claim } from '../../kinds/claim/claim.ts'
import type { Cluster, ClusterChange } from '../../kinds/index.ts'
import type { Metadata } from '../../kinds/metadata.ts'
import type { Namespace } from '../../kinds/namespace/namespace.ts'
import type { Pod } from '../../kinds/pod/pod.ts'
import { workloadKinds } from '../workloads/workload-attributes.ts'

/** Kinds whose deletion may wait for something, as the server names one of them. */
export const deletableKinds = {
  namespaces: 'Namespace',
  pods: 'Pod',
  persistentVolumeClaims: 'PersistentVolumeClaim',
  services: 'Service',
  ingresses: 'Ingress',
  ...workloadKinds,
} as const satisfies Partial<Record<ClusterChange['kind'], string>>

/** One of these kinds. */
export type DeletedKind = keyof typeof deletableKinds

/** Pods that are named where a claim waits for them. */
const MOST_PODS = 5

/** Finalizers of the server itself. What they wait for is another thing for each object. */
const SERVERS = new Set([CLAIM_PROTECTION, 'foregroundDeletion', 'orphan'])

/** Longest name of a cause, in characters: it is remembered. */
const LONGEST = 500

/**
 * What is the same about deletions that are stuck alike, whatever their namespaces: finalizers, what namespaces say, a node.
 * Where no such thing is known, those of a kind in a namespace are alike.
 */
export function causeOf(kind: DeletedKind, object: Metadata, cluster: Pick<Cluster, 'objects' | 'syncStatus'>): string {
  const finalizers = object.finalizers.filter((finalizer) => !SERVERS.has(finalizer)).toSorted()
  const causes = kind === 'namespaces' ? [...finalizers, ...saidAlike(object as Namespace)] : finalizers
  const others = (kind === 'pods' ? lostNode(object as Pod, cluster) : undefined) ?? `in ${object.namespace}`
  return [kind, ...(causes.length === 0 ? [others] : causes)].join('\n').slice(0, LONGEST)
}

/** The node of a pod, where its kubelet does not take the pod down. */
function lostNode({ node }: Pod, cluster: Pick<Cluster, 'objects' | 'syncStatus'>): string | undefined {
  const state = node === undefined ? 'unknown' : nodeState(cluster, node)
  return state === 'deleted' || state === 'not ready' ? `node ${node}` : undefined
}

/** Without numbers, its own name, and what is left in it, where it says why that is left. */
function saidAlike({ name, remains }: Namespace): readonly string[] {
  const reasons = remains.filter((text) => !text.startsWith('NamespaceContentRemaining'))
  return (reasons.length === 0 ? remains : reasons).map((text) => {
    const words = text.split(/[^\w.-]+|\.(?!\w)/)
    return words.filter((word) => word !== name && !/^\d*$/.test(word)).join(' ')
  })
}

/** What is known of why it is still there. */
export function waitsFor(
  kind: DeletedKind,
  object: Metadata,
  cluster: Pick<Cluster, 'objects' | 'syncStatus'>,
): readonly string[] {
  const finalizers = object.finalizers.map((finalizer) => `finalizer ${finalizer}`)
  switch (kind) {
    case 'namespaces':
      return [...(object as Namespace).remains.map((text) => componentMessage(text)), ...finalizers]
    case 'pods':
      return [...finalizers, ...whatKeeps(object as Pod, cluster)]
    case 'persistentVolumeClaims':
      return [...finalizers, ...whoUses(object as Claim, cluster)]
    default:
      return finalizers
  }
}

function whatKeeps({ node, containers }: Pod, cluster: Pick<Cluster, 'objects' | 'syncStatus'>): readonly string[] {
  if (node === undefined) return []
  const state = nodeState(cluster, node)
  if (state === 'deleted') return [`node ${node} does not exist`]
  const problems = nodeProblems(cluster, node).map((problem) => `node ${node} has ${problem}`)
  // Whether a container still runs is not known where its kubelet does not say so.
  if (state === 'not ready') return problems
  const running = containers.filter(({ status }) => status?.state?.kind === 'running')
  return [...problems, ...running.map(({ name }) => `container ${name} runs`)]
}

function whoUses(claim: Claim, cluster: Pick<Cluster, 'objects'>): readonly string[] {
  const users: string[] = []
  for (const pod of cluster.objects('pods').values()) if (holdsClaim(pod, claim)) users.push(`pod ${pod.name} uses it`)
  return users.slice(0, MOST_PODS)
}
