import type { ClusterEvent } from '../../kinds/event/event.ts'

/** Kind of event that a report becomes. */
export type WarningKind = 'scheduling' | 'eviction' | 'unhealthy' | 'quota' | 'refusal' | 'volume' | 'other'

/** Reasons that the events about the objects themselves cover. */
const COVERED: Readonly<Record<string, RegExp>> = {
  Pod: /^(?:BackOff|Failed|ErrImagePull|ImagePullBackOff|ErrImageNeverPull|InspectFailed|NodeNotReady)$/,
  Node: /^(?:NodeNotReady|Rebooted)$/,
  Deployment: /^ProgressDeadlineExceeded$/,
  Job: /^(?:BackoffLimitExceeded|DeadlineExceeded)$/,
  HorizontalPodAutoscaler: /^(?:FailedGet\w*|FailedComputeMetricsReplicas|FailedRescale)$/,
  PersistentVolumeClaim: /^ClaimLost$/,
}

const POD_KINDS: Readonly<Record<string, WarningKind>> = {
  FailedScheduling: 'scheduling',
  Unhealthy: 'unhealthy',
  FailedMount: 'volume',
  FailedAttachVolume: 'volume',
}

/** Reasons for which schedulers, taint managers and autoscalers of nodes or of requests end pods, and deschedulers. */
const EVICTION = /^(?:Evicted\w*|Preempt(?:ed|ing)|TaintManagerEviction|ScaleDown|Descheduled)$/

/** Deschedulers give their strategy as the reason. */
const DESCHEDULED = /^pod evict(?:ed|ion) from [^\n]{1,256} by \S{0,64}descheduler/

const CREATORS = new Set(['ReplicaSet', 'StatefulSet', 'DaemonSet', 'Job', 'ReplicationController'])

/** Two controllers wrote at the same time; one retries at once. */
const CONFLICT = /the object has been modified; please apply your changes to the latest version/

/** Returns `undefined` for a report that is not emitted: one of success, or one that another event covers. */
export function warningKind(event: ClusterEvent): WarningKind | undefined {
  const { type, reason, message, about } = event
  // Most are `Normal`. A cancelled eviction has the same reason.
  if (about.kind === 'Pod' && (EVICTION.test(reason) || DESCHEDULED.test(message)))
    return message.startsWith('Cancelling') ? undefined : 'eviction'
  const known = about.kind === 'Pod' && Object.hasOwn(POD_KINDS, reason) ? POD_KINDS[reason] : undefined
  const kind = about.uid === undefined ? undefined : known
  if (type !== 'Warning' || CONFLICT.test(message)) return undefined
  if (kind !== undefined) return kind
  if (Object.hasOwn(COVERED, about.kind) && COVERED[about.kind]?.test(reason)) return undefined
  if (reason === 'FailedCreate' && readQuotaRefusal(message) !== undefined) return 'quota'
  if (reason === 'FailedCreate' && CREATORS.has(about.kind)) return 'refusal'
  if (about.kind === 'PersistentVolumeClaim' && reason === 'ProvisioningFailed') return 'volume'
  return 'other'
}

/** Reads the kind of probe from a kubelet's message, such as `Liveness probe failed: …`. */
export function probeKind({ message }: ClusterEvent): string | undefined {
  return /^(liveness|readiness|startup) probe/i.exec(message)?.[1]?.toLowerCase()
}

/** Messages of the kubelet itself; all others contain output of a command in the container. */
const KUBELETS_OWN =
  /^\w+ probe (?:failed|errored): (?:HTTP probe failed with statuscode: \d+|Get "|dial tcp |command "[^\n]*" timed out)/

/** Returns whether a container wrote the message of an event: it may contain any of the container's secrets. */
export function isWrittenByContainer({ message }: ClusterEvent, kind: WarningKind): boolean {
  return kind === 'unhealthy' && !KUBELETS_OWN.test(message)
}

/** Key of the series to which an event belongs: its object and its reason. */
export function seriesKey(event: ClusterEvent, kind: WarningKind): string {
  const { about, reason } = event
  const place = [about.kind, about.namespace, about.name, about.uid ?? '', about.fieldPath ?? '']
  return [kind, ...place, reason, detailOf(event, kind)].join('\n')
}

/** Distinguishes series that have the same reason: by the kind of the probe, or the resource that a quota refuses. */
function detailOf(event: ClusterEvent, kind: WarningKind): string {
  if (kind === 'unhealthy') return probeKind(event) ?? ''
  return kind === 'quota' ? (readQuotaRefusal(event.message)?.resource ?? '') : ''
}

const EXCEEDED =
  /(?:\b(?<resource>[a-z][a-z0-9.-]*) "[^"]*" is forbidden: )?exceeded quota: (?<quota>[a-z0-9][a-z0-9.-]*), requested: (?<requested>[^\s]+), used: (?<used>[^\s]+), limited: (?<limited>[^\s]+)/

/**
 * Parses the message of an API server that refused an object. Amounts are as `pods=1`; the resource is `pods` if the
 * message names none. Returns `undefined` if no quota was the reason.
 */
export function readQuotaRefusal(message: string) {
  const { quota, resource = 'pods', requested = '', used = '', limited = '' } = EXCEEDED.exec(message)?.groups ?? {}
  if (quota === undefined) return undefined
  return { quota, resource, requested: amounts(requested), used: amounts(used), limited: amounts(limited) }
}

function amounts(text: string): string[] {
  return text.split(',').filter((amount) => amount !== '')
}
