import { createEventSampler, type Event, type EventSample } from '@rca/core/connector'
import type { Claim } from '../../kinds/claim/claim.ts'
import { inNamespace } from '../../kinds/common-signals.ts'
import type { Cluster, ClusterChange } from '../../kinds/index.ts'
import type { Metadata } from '../../kinds/metadata.ts'
import type { Pod } from '../../kinds/pod/pod-projection.ts'
import { namedReference, podReference } from '../../kinds/references.ts'
import { watchCluster } from '../cluster-watcher.ts'
import { SAMPLED, warning } from '../event-declarations.ts'
import { affectedCount, affectedSuffix } from '../sample-text.ts'
import { affected } from '../warnings/signals.ts'
import { workloadTitle } from '../workloads/workload-attributes.ts'
import { causeOf, type DeletedKind, deletableKinds, holdsClaim, waitsFor } from './deletion-reasons.ts'

export const deletionSignals = {
  deletionStuck: warning(
    'k8s.deletion.stuck',
    `A deleted object still exists: a pod a minute after its grace period, any other object five minutes after its deletion, a namespace or a claim not before five minutes after the grace period of the pods that it waits for. ${SAMPLED} Objects of a kind count together if they have the same finalizers, are on the same node that is not ready or deleted, or are namespaces with the same conditions; others count together within their namespace.`,
    {
      ...inNamespace,
      'k8s.object.kind': 'Kind of the object.',
      'k8s.object.name': 'Name of the object.',
      'k8s.node.name': 'Node of a pod.',
      'k8s.deletion.due_at': 'When it should have been deleted. ISO 8601.',
      'k8s.deletion.finalizers': 'Finalizers that its deletion waits for.',
      'k8s.deletion.waits_for':
        'Known reasons why it still exists, such as `finalizer example.test/backup`, `pod web-1 uses it`, `container app runs`, `node worker-1 does not exist`, or the remaining content that its namespace reports.',
      ...affected,
    },
  ),
}

/** How long the deletion of a pod may be overdue after its grace period. */
const MAX_POD_OVERDUE_MS = 60_000

/** The same for other kinds: controllers have to take down the resources behind them. */
const MAX_OVERDUE_MS = 300_000

const CHECK_INTERVAL_MS = 10_000

interface PendingDeletion {
  readonly kind: DeletedKind
  /** When the object should be deleted, or was first seen to wait, in milliseconds since 1970. */
  begins: number
  /** End of the grace period of the last pod that it waits for, in milliseconds since 1970. */
  heldUntil: number
  isReported: boolean
}

/** Emits deleted objects that still exist: they wait for finalizers, content, a node, or their users. */
export const stuckDeletions = watchCluster(({ cluster }, { after, now, emit }) => {
  const sampler = createEventSampler()
  /** By uid. */
  const pending = new Map<string, PendingDeletion>()
  let isScheduled = false
  const scheduleCheck = (): void => {
    if (isScheduled) return
    isScheduled = true
    after(CHECK_INTERVAL_MS, check)
  }
  const check = (): void => {
    isScheduled = false
    const time = now().getTime()
    const terminating = podsWithinGrace(pending, cluster, time)
    for (const [uid, one] of pending) {
      const object = one.isReported ? undefined : cluster.objects(one.kind).get(uid)
      if (object === undefined) continue
      one.heldUntil = lastGraceEnd(one.kind, object, terminating) ?? Math.min(one.heldUntil, time)
      if (dueOf(one) > time) {
        scheduleCheck()
        continue
      }
      one.isReported = true
      const sample = sampler.sample(causeOf(one.kind, object, cluster), { at: now() })
      if (sample !== undefined) emit(describe(one, object, cluster, sample))
    }
  }
  return (change) => {
    if (!isDeletable(change)) return
    if (change.type === 'deleted') return void pending.delete(change.old.uid)
    const { kind, object } = change
    const known = pending.get(object.uid)
    if (object.deleted === undefined || known?.isReported === true) return
    const due = Date.parse(object.deleted) || 0
    // An agent that starts counts from the deletion. Otherwise, the wait begins when it is seen: the server's clock may
    // be behind.
    const begins = change.type === 'added' && change.isInitial ? due : Math.max(due, now().getTime())
    // Grace periods only get shorter: by another deletion, or by a kubelet that finishes early.
    if (known !== undefined) known.begins = Math.min(known.begins, begins)
    else pending.set(object.uid, { kind, begins, heldUntil: 0, isReported: false })
    scheduleCheck()
  }
})

/** When a deletion is overdue. Its time begins after the grace periods of the pods that it waits for. */
function dueOf({ kind, begins, heldUntil }: PendingDeletion): number {
  return Math.max(begins, heldUntil) + (kind === 'pods' ? MAX_POD_OVERDUE_MS : MAX_OVERDUE_MS)
}

interface TerminatingPod {
  readonly pod: Pod
  /** End of its grace period, in milliseconds since 1970. */
  readonly ends: number
}

type TerminatingPods = ReadonlyMap<string, readonly TerminatingPod[]>

/** Pods within their grace period, by namespace. */
function podsWithinGrace(
  pending: ReadonlyMap<string, PendingDeletion>,
  cluster: Cluster,
  time: number,
): TerminatingPods {
  const found = new Map<string, TerminatingPod[]>()
  for (const [uid, { kind, begins }] of pending) {
    const pod = kind === 'pods' && begins > time ? cluster.objects('pods').get(uid) : undefined
    if (pod === undefined) continue
    const others = found.get(pod.namespace) ?? []
    found.set(pod.namespace, others)
    others.push({ pod, ends: begins })
  }
  return found
}

/** End of the last grace period of the pods that an object waits for; `undefined` if there are none. */
function lastGraceEnd(kind: DeletedKind, object: Metadata, terminating: TerminatingPods): number | undefined {
  if (kind !== 'namespaces' && kind !== 'persistentVolumeClaims') return undefined
  const isNamespace = kind === 'namespaces'
  let last: number | undefined
  for (const { pod, ends } of terminating.get(isNamespace ? object.name : object.namespace) ?? [])
    if (isNamespace || holdsClaim(pod, object as Claim)) last = Math.max(last ?? 0, ends)
  return last
}

type DeletableChange = Extract<ClusterChange, { readonly kind: DeletedKind }>

function isDeletable(change: ClusterChange): change is DeletableChange {
  return Object.hasOwn(deletableKinds, change.kind)
}

function describe(one: PendingDeletion, object: Metadata, cluster: Cluster, sample: EventSample): Event {
  const { kind } = one
  const name = deletableKinds[kind]
  const reasons = waitsFor(kind, object, cluster)
  const why = reasons.length === 0 ? '' : `: ${reasons.join('; ')}`
  return deletionSignals.deletionStuck.event({
    id: `k8s/${object.uid}/deletion-stuck`,
    at: new Date(dueOf(one)),
    entity: name === 'Pod' ? podReference(object.uid) : namedReference(name, object),
    body: `${workloadTitle(name, object)} should have been deleted by ${object.deleted}, and still exists${why}${affectedSuffix(sample)}`,
    attributes: {
      'k8s.namespace.name': kind === 'namespaces' ? object.name : object.namespace,
      'k8s.object.kind': name,
      'k8s.object.name': object.name,
      'k8s.node.name': kind === 'pods' ? (object as Pod).node : undefined,
      'k8s.deletion.due_at': object.deleted,
      'k8s.deletion.finalizers': object.finalizers.length === 0 ? undefined : object.finalizers,
      'k8s.deletion.waits_for': reasons.length === 0 ? undefined : reasons,
      'k8s.event.affected': affectedCount(sample),
    },
  })
}
