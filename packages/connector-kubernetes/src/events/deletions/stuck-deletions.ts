import type { Event } from '@rca/core/connector'
import { holdsClaim } from '../../evidence/claim-users.ts'
import type { Claim } from '../../kinds/claim/claim.ts'
import type { Cluster, ClusterChange } from '../../kinds/index.ts'
import type { Metadata } from '../../kinds/metadata.ts'
import type { Pod } from '../../kinds/pod/pod.ts'
import { namedReference, podReference } from '../../kinds/references.ts'
import { signals } from '../../signals.ts'
import { affectedAttribute, createAlike, ofMany } from '../alike.ts'
import { following } from '../follower.ts'
import { titleOf } from '../workloads/workload-attributes.ts'
import { causeOf, type DeletedKind, deletableKinds, waitsFor } from './deletion-reasons.ts'

/** How long a deletion may take beyond the time at which the object was to be gone, in milliseconds. A pod's time includes its grace. */
const PATIENCE: Readonly<Partial<Record<DeletedKind, number>>> = { pods: 60_000 }

/** The same for all others: controllers have to take down what is behind them. */
const OTHERS_PATIENCE = 300_000

/** How often those that are not gone yet are looked at, in milliseconds. */
const LOOKS = 10_000

/** Of one kind and cause, how many are told one by one. */
const MOST_ALIKE = 10

interface Awaited {
  readonly kind: DeletedKind
  /** When it was to be gone, or was first seen to wait, in milliseconds since 1970. */
  begins: number
  /** Until when a pod that it waits for had time of its own, in milliseconds since 1970. */
  heldUntil: number
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
    const time = now().getTime()
    const inTime = podsInTime(awaited, cluster, time)
    let isAnyLeft = false
    for (const [uid, one] of awaited) {
      const object = one.isTold ? undefined : cluster.objects(one.kind).get(uid)
      if (object === undefined) continue
      one.heldUntil = lastEnd(one.kind, object, inTime) ?? Math.min(one.heldUntil, time)
      if (dueOf(one) > time) {
        isAnyLeft = true
        continue
      }
      one.isTold = true
      const count = alike.count(causeOf(one.kind, object, cluster), now())
      if (count !== undefined) tell(describe(one, object, cluster, count))
    }
    if (isAnyLeft) lookLater()
  }
  return (change) => {
    if (!isDeletable(change)) return
    if (change.type === 'deleted') return void awaited.delete(change.old.uid)
    const { kind, object } = change
    const known = awaited.get(object.uid)
    if (object.deleted === undefined || known?.isTold === true) return
    // Whatever the clock of the server says, it is seen to wait.
    const begins = Math.max(Date.parse(object.deleted) || 0, now().getTime())
    // A grace is only ever shortened, by another deletion or by a kubelet that is done before its end.
    if (known !== undefined) known.begins = Math.min(known.begins, begins)
    else awaited.set(object.uid, { kind, begins, heldUntil: 0, isTold: false })
    lookLater()
  }
})

/** When it is overdue: patience begins when it was to be gone itself, and no pod that it waits for has time any more. */
function dueOf({ kind, begins, heldUntil }: Awaited): number {
  return Math.max(begins, heldUntil) + (PATIENCE[kind] ?? OTHERS_PATIENCE)
}

interface PodInTime {
  readonly pod: Pod
  /** When its grace ends, in milliseconds since 1970. */
  readonly ends: number
}

/** By namespace: pods that are being deleted within their grace. */
function podsInTime(
  awaited: ReadonlyMap<string, Awaited>,
  cluster: Pick<Cluster, 'objects'>,
  time: number,
): ReadonlyMap<string, readonly PodInTime[]> {
  const found = new Map<string, PodInTime[]>()
  for (const [uid, { kind, begins }] of awaited) {
    const pod = kind === 'pods' && begins > time ? cluster.objects('pods').get(uid) : undefined
    if (pod === undefined) continue
    const others = found.get(pod.namespace)
    if (others === undefined) found.set(pod.namespace, [{ pod, ends: begins }])
    else others.push({ pod, ends: begins })
  }
  return found
}

/** When the last of the pods that it waits for is to be gone. `undefined` where none has time. */
function lastEnd(
  kind: DeletedKind,
  object: Metadata,
  inTime: ReadonlyMap<string, readonly PodInTime[]>,
): number | undefined {
  if (kind !== 'namespaces' && kind !== 'persistentVolumeClaims') return undefined
  const isNamespace = kind === 'namespaces'
  let last: number | undefined
  for (const { pod, ends } of inTime.get(isNamespace ? object.name : object.namespace) ?? [])
    if (isNamespace || holdsClaim(pod, object as Claim)) last = Math.max(last ?? 0, ends)
  return last
}

type DeletableChange = Extract<ClusterChange, { readonly kind: DeletedKind }>

function isDeletable(change: ClusterChange): change is DeletableChange {
  return Object.hasOwn(deletableKinds, change.kind)
}

function describe(
  one: Awaited,
  object: Metadata,
  cluster: Pick<Cluster, 'objects' | 'syncStatus'>,
  count: number,
): Event {
  const { kind } = one
  const name = deletableKinds[kind]
  const reasons = waitsFor(kind, object, cluster)
  const why = reasons.length === 0 ? '' : `: ${reasons.join('; ')}`
  const isNamespace = kind === 'namespaces'
  return signals.deletionStuck.event({
    id: `k8s/${object.uid}/deletion-stuck`,
    at: new Date(dueOf(one)),
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
