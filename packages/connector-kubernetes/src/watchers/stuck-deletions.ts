import type { Event } from '@rca/core'
import type { Cluster, ClusterChange } from '../cluster/cluster.ts'
import { namedReference, podReference } from '../entity-references.ts'
import { holdsClaim } from '../evidence/claim-users.ts'
import { componentMessage } from '../evidence/component-message.ts'
import { nodeProblems } from '../evidence/node-problems.ts'
import type { Claim } from '../resources/claim.ts'
import type { Metadata } from '../resources/metadata.ts'
import type { Namespace } from '../resources/namespace.ts'
import type { Pod } from '../resources/pod.ts'
import { signals } from '../signals.ts'
import { affectedAttribute, createAlike, ofMany } from './alike.ts'
import { following } from './following.ts'
import { titleOf, workloadKinds } from './workload-attributes.ts'

/** Kinds whose deletion may wait for something, as the server names one of them. */
const kinds = {
  namespaces: 'Namespace',
  pods: 'Pod',
  persistentVolumeClaims: 'PersistentVolumeClaim',
  services: 'Service',
  ingresses: 'Ingress',
  ...workloadKinds,
} as const satisfies Partial<Record<ClusterChange['kind'], string>>

type DeletedKind = keyof typeof kinds

/** How long a deletion may take beyond the time at which the object was to be gone, in milliseconds. A pod's time includes its grace. */
const PATIENCE: Readonly<Partial<Record<DeletedKind, number>>> = { pods: 60_000 }

/** The same for all others: controllers have to take down what is behind them. */
const OTHERS_PATIENCE = 300_000

/** How often those that are not gone yet are looked at, in milliseconds. */
const LOOKS = 10_000

/** Of one kind in one namespace, how many are told one by one. */
const MOST_ALIKE = 10

/** Pods that are named where a claim waits for them. */
const MOST_PODS = 5

interface Awaited {
  readonly kind: DeletedKind
  /** When it is overdue, in milliseconds since 1970. */
  due: number
  isTold: boolean
}

/** Objects that were to be gone and are not: deletion waits for finalizers, content, a node, or somebody who uses them. */
export const stuckDeletions = following(({ cluster }, { after, now, tell }) => {
  const alike = createAlike(MOST_ALIKE)
  /** By uid: everything that is being deleted. */
  const awaited = new Map<string, Awaited>()
  let isLooking = false
  const lookLater = (): void => {
    if (isLooking) return
    isLooking = true
    after(LOOKS, look)
  }
  const look = (): void => {
    isLooking = false
    let isAnyLeft = false
    for (const [uid, one] of awaited) {
      if (one.isTold) continue
      isAnyLeft ||= one.due > now().getTime()
      const object = cluster.objects(one.kind).get(uid)
      if (object === undefined || one.due > now().getTime()) continue
      one.isTold = true
      const count = alike.count(`${one.kind} ${object.namespace}`, now())
      if (count !== undefined) tell(describe(one, object, cluster, count))
    }
    if (isAnyLeft) lookLater()
  }
  return (change) => {
    if (!isDeletable(change)) return
    if (change.type === 'deleted') return void awaited.delete(change.old.uid)
    const { kind, object } = change
    if (object.deleted === undefined) return
    // Whatever the clock of the server says, it is seen to wait.
    const begins = Math.max(Date.parse(object.deleted) || 0, now().getTime())
    const due = begins + (PATIENCE[kind] ?? OTHERS_PATIENCE)
    const known = awaited.get(object.uid)
    // A grace is only ever shortened, by another deletion or by a kubelet that is done before its end.
    if (known !== undefined) known.due = Math.min(known.due, due)
    else awaited.set(object.uid, { kind, due, isTold: false })
    lookLater()
  }
})

type DeletableChange = Extract<ClusterChange, { readonly kind: DeletedKind }>

function isDeletable(change: ClusterChange): change is DeletableChange {
  return Object.hasOwn(kinds, change.kind)
}

function describe({ kind, due }: Awaited, object: Metadata, cluster: Pick<Cluster, 'objects'>, count: number): Event {
  const name = kinds[kind]
  const reasons = waitsFor(kind, object, cluster)
  const why = reasons.length === 0 ? '' : `: ${reasons.join('; ')}`
  const isNamespace = kind === 'namespaces'
  return signals.deletionStuck.event({
    id: `k8s/${object.uid}/deletion-stuck`,
    at: new Date(due),
    entity: name === 'Pod' ? podReference(object.uid) : namedReference(name, object),
    body: `${titleOf(name, object)} should be gone since ${object.deleted}, and is still there${why}${ofMany(count)}`,
    attributes: {
      'k8s.namespace.name': isNamespace ? object.name : object.namespace,
      'k8s.object.kind': name,
      'k8s.object.name': object.name,
      'k8s.node.name': kind === 'pods' ? (object as Pod).node : undefined,
      'k8s.deletion.due_at': object.deleted,
      'k8s.deletion.finalizers': object.finalizers.length === 0 ? undefined : object.finalizers,
      'k8s.deletion.waits_for': reasons.length === 0 ? undefined : reasons,
      'k8s.event.affected': affectedAttribute(count),
    },
  })
}

/** What is known of why it is still there. */
function waitsFor(kind: DeletedKind, object: Metadata, cluster: Pick<Cluster, 'objects'>): readonly string[] {
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

function whatKeeps({ node, containers }: Pod, cluster: Pick<Cluster, 'objects'>): readonly string[] {
  const running = containers.filter(({ status }) => status?.state?.kind === 'running')
  return [
    ...nodeProblems(cluster, node).map((problem) => `node ${node} has ${problem}`),
    ...running.map(({ name }) => `container ${name} runs`),
  ]
}

function whoUses(claim: Claim, cluster: Pick<Cluster, 'objects'>): readonly string[] {
  const users: string[] = []
  for (const pod of cluster.objects('pods').values()) if (holdsClaim(pod, claim)) users.push(`pod ${pod.name} uses it`)
  return users.slice(0, MOST_PODS)
}
