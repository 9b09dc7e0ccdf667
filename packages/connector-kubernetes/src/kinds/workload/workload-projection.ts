import type { KeyedHash } from '../../informer/object-store.ts'
import { count, type Fields, fields, flag, number, partsOf, record, text } from '../fields.ts'
import {
  annotationOf,
  type Condition,
  conditionsOf,
  type HelmRelease,
  helmReleaseOf,
  type Manager,
  type Metadata,
  managersOf,
  metadataOf,
} from '../metadata.ts'
import { type PodTemplate, projectTemplate } from './pod-template.ts'

/** A Deployment, StatefulSet or DaemonSet. */
export interface Workload extends Metadata {
  readonly kind: 'Deployment' | 'StatefulSet' | 'DaemonSet'
  readonly generation: number | undefined
  /** The generation that the controller has processed. */
  readonly observedGeneration: number | undefined
  /** Desired pods. */
  readonly desired: number
  readonly current: number
  readonly ready: number
  readonly available: number
  /** Pods that match the current template. */
  readonly updated: number
  /** Only for a DaemonSet: pods on nodes where none should run. */
  readonly misscheduled: number | undefined
  readonly isPaused: boolean
  /** `RollingUpdate`, `Recreate`, `OnDelete` */
  readonly strategy: string | undefined
  /** Only for a StatefulSet: pods with a lower ordinal are not updated. */
  readonly partition: number | undefined
  /** Seconds after which a rollout without progress counts as stuck. */
  readonly progressDeadline: number | undefined
  readonly selector: Readonly<Record<string, string>>
  /** Number or name of the desired revision. */
  readonly revision: string | undefined
  readonly conditions: readonly Condition[]
  readonly template: PodTemplate
  readonly helm: HelmRelease | undefined
  readonly managers: readonly Manager[]
}

type Counts = Pick<Workload, 'desired' | 'current' | 'ready' | 'available' | 'updated' | 'misscheduled' | 'revision'>

export function projectDeployment(raw: unknown, keyedHash: KeyedHash): Workload {
  return projectWorkload('Deployment', raw, keyedHash, (spec, status) => ({
    ...replicaCounts(spec, status),
    revision: annotationOf(raw, 'deployment.kubernetes.io/revision'),
  }))
}

export function projectStatefulSet(raw: unknown, keyedHash: KeyedHash): Workload {
  return projectWorkload('StatefulSet', raw, keyedHash, (spec, status) => ({
    ...replicaCounts(spec, status),
    // Exists since 1.22; before, ready pods were available.
    available: number(status.availableReplicas) ?? count(status.readyReplicas),
    revision: text(status.updateRevision),
  }))
}

export function projectDaemonSet(raw: unknown, keyedHash: KeyedHash): Workload {
  return projectWorkload('DaemonSet', raw, keyedHash, (_spec, status) => ({
    desired: count(status.desiredNumberScheduled),
    current: count(status.currentNumberScheduled),
    ready: count(status.numberReady),
    available: count(status.numberAvailable),
    updated: count(status.updatedNumberScheduled),
    misscheduled: count(status.numberMisscheduled),
    revision: annotationOf(raw, 'deprecated.daemonset.template.generation'),
  }))
}

function projectWorkload(
  kind: Workload['kind'],
  raw: unknown,
  keyedHash: KeyedHash,
  countsOf: (spec: Fields, status: Fields) => Counts,
): Workload {
  const { metadata, spec, status } = partsOf(raw)
  return {
    kind,
    ...metadataOf(raw),
    generation: number(metadata.generation),
    observedGeneration: number(status.observedGeneration),
    ...countsOf(spec, status),
    isPaused: flag(spec.paused) ?? false,
    strategy: text(fields(spec.strategy).type) ?? text(fields(spec.updateStrategy).type),
    partition: number(fields(fields(spec.updateStrategy).rollingUpdate).partition),
    progressDeadline: number(spec.progressDeadlineSeconds),
    selector: record(fields(spec.selector).matchLabels),
    conditions: conditionsOf(status),
    template: projectTemplate(spec.template, keyedHash),
    helm: helmReleaseOf(raw),
    managers: managersOf(raw),
  }
}

function replicaCounts(spec: Fields, status: Fields): Omit<Counts, 'revision'> {
  return {
    // The server fills in the default, 1.
    desired: number(spec.replicas) ?? 1,
    current: count(status.replicas),
    ready: count(status.readyReplicas),
    available: count(status.availableReplicas),
    updated: count(status.updatedReplicas),
    misscheduled: undefined,
  }
}
