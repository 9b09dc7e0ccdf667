import type { ClusterEvent } from '../../kinds/event/event.ts'
import { readQuotaRefusal } from './quota-message.ts'

/** What a report is told as. */
export type ReportKind = 'scheduling' | 'eviction' | 'unhealthy' | 'quota' | 'refusal' | 'volume' | 'other'

/** What those who look at the objects themselves tell better. */
const TOLD_ELSEWHERE: Readonly<Record<string, RegExp>> = {
  Pod: /^(?:BackOff|Failed|ErrImagePull|ImagePullBackOff|ErrImageNeverPull|InspectFailed|NodeNotReady)$/,
  Node: /^(?:NodeNotReady|Rebooted)$/,
  Deployment: /^ProgressDeadlineExceeded$/,
  Job: /^(?:BackoffLimitExceeded|DeadlineExceeded)$/,
  HorizontalPodAutoscaler: /^(?:FailedGet\w*|FailedComputeMetricsReplicas|FailedRescale)$/,
  PersistentVolumeClaim: /^ClaimLost$/,
}

const POD_KINDS: Readonly<Record<string, ReportKind>> = {
  FailedScheduling: 'scheduling',
  Evicted: 'eviction',
  Preempted: 'eviction',
  Preempting: 'eviction',
  TaintManagerEviction: 'eviction',
  Unhealthy: 'unhealthy',
  FailedMount: 'volume',
  FailedAttachVolume: 'volume',
}

const MAKERS = new Set(['ReplicaSet', 'StatefulSet', 'DaemonSet', 'Job', 'ReplicationController'])

/** A controller wrote at the same time as another one, and tries again at once. */
const CONFLICT = /the object has been modified; please apply your changes to the latest version/

/** `undefined` for what is not told: what goes well, and what is told better by who looks at the objects. */
export function reportKind(event: ClusterEvent): ReportKind | undefined {
  const { type, reason, message, about } = event
  const isPod = about.kind === 'Pod' && about.uid !== undefined
  const kind = isPod && Object.hasOwn(POD_KINDS, reason) ? POD_KINDS[reason] : undefined
  // Schedulers and taint managers do not warn of it. They may think better of it, with the same reason.
  if (kind === 'eviction') return message.startsWith('Cancelling') ? undefined : kind
  if (type !== 'Warning' || CONFLICT.test(message)) return undefined
  if (kind !== undefined) return kind
  if (Object.hasOwn(TOLD_ELSEWHERE, about.kind) && TOLD_ELSEWHERE[about.kind]?.test(reason)) return undefined
  if (reason === 'FailedCreate' && readQuotaRefusal(message) !== undefined) return 'quota'
  if (reason === 'FailedCreate' && MAKERS.has(about.kind)) return 'refusal'
  if (about.kind === 'PersistentVolumeClaim' && reason === 'ProvisioningFailed') return 'volume'
  return 'other'
}

/** The probe that a kubelet speaks of: `Liveness probe failed: …`, `Readiness probe errored: …`. */
export function probeKind({ message }: ClusterEvent): string | undefined {
  return /^(liveness|readiness|startup) probe/i.exec(message)?.[1]?.toLowerCase()
}

/** What kubelets themselves say of a probe; everything else is what a command in the container wrote. */
const KUBELETS_OWN =
  /^\w+ probe (?:failed|errored): (?:HTTP probe failed with statuscode: \d+|Get "|dial tcp |command "[^\n]*" timed out)/

/** Whether a container wrote what an event says: it may hold any of its secrets. */
export function isWrittenByContainer({ message }: ClusterEvent, kind: ReportKind): boolean {
  return kind === 'unhealthy' && !KUBELETS_OWN.test(message)
}

/** What is the same about events of one happening: what they are about, and why. */
export function happeningKey(event: ClusterEvent, kind: ReportKind): string {
  const { about, reason } = event
  const place = [about.kind, about.namespace, about.name, about.uid ?? '', about.fieldPath ?? '']
  return [kind, ...place, reason, detailOf(event, kind)].join('\n')
}

/** What tells happenings apart that have the same reason: a probe's kind, or what a quota refuses. */
function detailOf(event: ClusterEvent, kind: ReportKind): string {
  if (kind === 'unhealthy') return probeKind(event) ?? ''
  return kind === 'quota' ? (readQuotaRefusal(event.message)?.resource ?? '') : ''
}
