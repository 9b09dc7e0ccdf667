import { componentMessage } from '../../evidence/component-message.ts'
import { nodeProblems, nodeState } from '../../evidence/node-problems.ts'
import type { Claim } from '../../kinds/claim/claim.ts'
import type { Cluster, ClusterChange } from '../../kinds/index.ts'
import type { Metadata } from '../../kinds/metadata.ts'
import type { Namespace } from '../../kinds/namespace/namespace.ts'
import type { Pod } from '../../kinds/pod/pod-projection.ts'
import { workloadKinds } from '../workloads/workload-attributes.ts'

/** Kinds whose deletion may be blocked, with the name of one object. */
export const deletableKinds = {
  namespaces: 'Namespace',
  pods: 'Pod',
  persistentVolumeClaims: 'PersistentVolumeClaim',
  services: 'Service',
  ingresses: 'Ingress',
  ...workloadKinds,
} as const satisfies Partial<Record<ClusterChange['kind'], string>>

export type DeletedKind = keyof typeof deletableKinds

/** Pods that are named as users of a claim. */
const MAX_NAMED_PODS = 5

/** Finalizer of a claim that pods may use. */
const CLAIM_PROTECTION = 'kubernetes.io/pvc-protection'

/** Finalizers of the server itself. They wait for something else on each object. */
const SERVER_FINALIZERS = new Set([CLAIM_PROTECTION, 'foregroundDeletion', 'orphan'])

/** Causes are kept in memory as keys. */
const MAX_CAUSE_LENGTH = 500

/**
 * Key of the stuck deletions that are sampled together: those with the same finalizers, namespace conditions or node,
 * or else those of a kind in a namespace.
 */
export function causeOf(kind: DeletedKind, object: Metadata, cluster: Cluster): string {
  const finalizers = object.finalizers.filter((finalizer) => !SERVER_FINALIZERS.has(finalizer)).toSorted()
  const causes = kind === 'namespaces' ? [...finalizers, ...conditionCauses(object as Namespace)] : finalizers
  const others = (kind === 'pods' ? lostNode(object as Pod, cluster) : undefined) ?? `in ${object.namespace}`
  return [kind, ...(causes.length === 0 ? [others] : causes)].join('\n').slice(0, MAX_CAUSE_LENGTH)
}

/** The node of a pod if its kubelet cannot take the pod down. */
function lostNode({ node }: Pod, cluster: Cluster): string | undefined {
  const state = node === undefined ? 'unknown' : nodeState(cluster, node)
  return state === 'deleted' || state === 'not ready' ? `node ${node}` : undefined
}

/** The conditions of a namespace without numbers, its name, and the remaining content if there is a reason for it. */
function conditionCauses({ name, remains }: Namespace): readonly string[] {
  const reasons = remains.filter((text) => !text.startsWith('NamespaceContentRemaining'))
  return (reasons.length === 0 ? remains : reasons).map((text) => {
    const words = text.split(/[^\w.-]+|\.(?!\w)/)
    return words.filter((word) => word !== name && !/^\d*$/.test(word)).join(' ')
  })
}

/** Returns the known reasons why a deleted object still exists. */
export function waitsFor(kind: DeletedKind, object: Metadata, cluster: Cluster): readonly string[] {
  const finalizers = object.finalizers.map((finalizer) => `finalizer ${finalizer}`)
  switch (kind) {
    case 'namespaces':
      return [...(object as Namespace).remains.map((text) => componentMessage(text)), ...finalizers]
    case 'pods':
      return [...finalizers, ...podReasons(object as Pod, cluster)]
    case 'persistentVolumeClaims':
      return [...finalizers, ...claimUsers(object as Claim, cluster)]
    default:
      return finalizers
  }
}

function podReasons({ node, containers }: Pod, cluster: Cluster): readonly string[] {
  if (node === undefined) return []
  const state = nodeState(cluster, node)
  if (state === 'deleted') return [`node ${node} does not exist`]
  const problems = nodeProblems(cluster, node).map((problem) => `node ${node} has ${problem}`)
  // Without its kubelet, the state of the containers is unknown.
  if (state === 'not ready') return problems
  const running = containers.filter(({ status }) => status?.state?.kind === 'running')
  return [...problems, ...running.map(({ name }) => `container ${name} runs`)]
}

function claimUsers(claim: Claim, cluster: Cluster): readonly string[] {
  const users = [...cluster.objects('pods').values()].filter((pod) => holdsClaim(pod, claim))
  return users.slice(0, MAX_NAMED_PODS).map(({ name }) => `pod ${name} uses it`)
}

/**
 * Returns whether a claim that is being deleted waits for a pod, by the rule of the server's controller: a pod
 * without a node cannot start with it, a finished pod holds it until it is deleted, and a pod that its kubelet has
 * shut down releases its own ephemeral claims.
 */
export function holdsClaim(pod: Pod, claim: Claim): boolean {
  if (!claim.finalizers.includes(CLAIM_PROTECTION) || pod.node === undefined) return false
  if (pod.namespace !== claim.namespace || !pod.mounts.claims.includes(claim.name)) return false
  return !(pod.isShutDown && claim.owner?.uid === pod.uid)
}
