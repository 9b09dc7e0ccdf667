import { entity } from '@rca/core/connector'
import { commonAttributes, namespaced, ownedByWorkload, ownerRelation, upDownCounter } from '../common-signals.ts'
import { count, flag, number, partsOf, text } from '../fields.ts'
import { kindCollector } from '../kind-collector.ts'
import { type Condition, conditionsOf, type Metadata, metadataOf } from '../metadata.ts'
import { namedId } from '../references.ts'

export interface Job extends Metadata {
  readonly completions: number | undefined
  readonly parallelism: number | undefined
  readonly backoffLimit: number | undefined
  readonly isSuspended: boolean
  readonly active: number
  readonly succeeded: number
  readonly failed: number
  readonly isIndexed: boolean
  /** Indexes that failed for good, as `1,3-5`; only with a backoff limit per index. */
  readonly failedIndexes: string | undefined
  readonly startedAt: string | undefined
  readonly completedAt: string | undefined
  /** `Complete` or `Failed`, with the reason. */
  readonly conditions: readonly Condition[]
}

export function projectJob(raw: unknown): Job {
  const { spec, status } = partsOf(raw)
  return {
    ...metadataOf(raw),
    completions: number(spec.completions),
    parallelism: number(spec.parallelism),
    backoffLimit: number(spec.backoffLimit),
    isSuspended: flag(spec.suspend) ?? false,
    active: count(status.active),
    succeeded: count(status.succeeded),
    failed: count(status.failed),
    isIndexed: spec.completionMode === 'Indexed',
    failedIndexes: text(status.failedIndexes) || undefined,
    startedAt: text(status.startTime),
    completedAt: text(status.completionTime),
    conditions: conditionsOf(status),
  }
}

export const jobSignals = {
  job: entity({
    type: 'k8s.job',
    description: 'A Job.',
    attributes: {
      ...namespaced('job'),
      'k8s.job.state': '`active`, `complete`, `failed` or `suspended`.',
      'k8s.job.reason': 'Reason of the failure.',
      'k8s.job.started_at': 'Start time. ISO 8601.',
      'k8s.job.completed_at': 'Completion time. ISO 8601.',
    },
    relations: ownedByWorkload,
  }),
  jobActivePods: upDownCounter('k8s.job.pod.active', '{pod}', 'Running pods of a Job.'),
  jobSuccessfulPods: upDownCounter('k8s.job.pod.successful', '{pod}', 'Succeeded pods of a Job.'),
  jobFailedPods: upDownCounter('k8s.job.pod.failed', '{pod}', 'Failed pods of a Job.'),
  jobDesiredPods: upDownCounter('k8s.job.pod.desired_successful', '{pod}', 'Pods of a Job that have to succeed.'),
}

export const jobs = kindCollector('jobs', {
  type: jobSignals.job.type,
  entity: (job: Job, allowsLabel) =>
    jobSignals.job.entity({
      id: namedId(job),
      name: job.name,
      attributes: {
        ...commonAttributes('job', job, allowsLabel),
        'k8s.job.state': stateOf(job),
        'k8s.job.reason': conditionOf(job, 'Failed')?.reason,
        'k8s.job.started_at': job.startedAt,
        'k8s.job.completed_at': job.completedAt,
      },
      relations: [ownerRelation(job)],
    }),
  metrics: (job, entity) => [
    jobSignals.jobActivePods.point(job.active, entity),
    jobSignals.jobSuccessfulPods.point(job.succeeded, entity),
    jobSignals.jobFailedPods.point(job.failed, entity),
    jobSignals.jobDesiredPods.point(job.completions, entity),
  ],
})

function conditionOf({ conditions }: Job, wanted: string) {
  return conditions.find(({ type, status }) => type === wanted && status === 'True')
}

function stateOf(job: Job): string {
  if (conditionOf(job, 'Failed') !== undefined) return 'failed'
  if (conditionOf(job, 'Complete') !== undefined) return 'complete'
  return job.isSuspended ? 'suspended' : 'active'
}
