import type { Cluster, ClusterChange } from '../cluster/cluster.ts'
import { holdsClaim } from '../evidence/claim-users.ts'
import { componentMessage } from '../evidence/component-message.ts'
import { nodeProblems, nodeState } from '../evidence/node-problems.ts'
import type { Claim } from '../resources/claim.ts'
import type { Metadata } from '../resources/metadata.ts'
import type { Namespace } from '../resources/namespace.ts'
import type { Pod } from '../resources/pod.ts'
import { workloadKinds } from './workload-attributes.ts'

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

/** What is known of why it is still there. */
export function waitsFor(
  kind: DeletedKind,
  object: Metadata,
  cluster: Pick<Cluster, 'objects' | 'sight'>,
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

function whatKeeps({ node, containers }: Pod, cluster: Pick<Cluster, 'objects' | 'sight'>): readonly string[] {
  if (node === undefined) return []
  const state = nodeState(cluster, node)
  if (state === 'gone') return [`node ${node} is gone`]
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
