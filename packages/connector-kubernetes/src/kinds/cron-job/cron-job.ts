import { entity } from '@rca/core/connector'
import type { KeyedHash } from '../../informer/object-store.ts'
import {
  commonAttributes,
  configRelations,
  imagesOf,
  namespaced,
  ownedByWorkloadUsingConfig,
  ownerRelation,
  upDownCounter,
} from '../common-signals.ts'
import { fields, flag, partsOf, text } from '../fields.ts'
import { kindCollector } from '../kind-collector.ts'
import { type Manager, type Metadata, managersOf, metadataOf } from '../metadata.ts'
import { namedId } from '../references.ts'
import { type PodTemplate, projectTemplate } from '../workload/pod-template.ts'

export interface CronJob extends Metadata {
  readonly schedule: string | undefined
  readonly timeZone: string | undefined
  readonly isSuspended: boolean
  readonly concurrencyPolicy: string | undefined
  /** Number of running jobs. */
  readonly active: number
  readonly lastScheduledAt: string | undefined
  readonly lastSucceededAt: string | undefined
  readonly template: PodTemplate
  readonly managers: readonly Manager[]
}

export function projectCronJob(raw: unknown, keyedHash: KeyedHash): CronJob {
  const { spec, status } = partsOf(raw)
  const { active } = status
  return {
    ...metadataOf(raw),
    schedule: text(spec.schedule),
    timeZone: text(spec.timeZone),
    isSuspended: flag(spec.suspend) ?? false,
    concurrencyPolicy: text(spec.concurrencyPolicy),
    active: Array.isArray(active) ? active.length : 0,
    lastScheduledAt: text(status.lastScheduleTime),
    lastSucceededAt: text(status.lastSuccessfulTime),
    template: projectTemplate(fields(fields(spec.jobTemplate).spec).template, keyedHash),
    managers: managersOf(raw),
  }
}

export const cronJobSignals = {
  cronJob: entity({
    type: 'k8s.cronjob',
    description: 'A CronJob.',
    attributes: {
      ...namespaced('cronjob'),
      'k8s.cronjob.schedule': 'Schedule in cron format.',
      'k8s.cronjob.time_zone': 'Time zone of the schedule.',
      'k8s.cronjob.suspended': 'Whether the CronJob is suspended.',
      'k8s.cronjob.concurrency_policy': '`Allow`, `Forbid` or `Replace`.',
      'k8s.cronjob.last_scheduled_at': 'Time of the last run. ISO 8601.',
      'k8s.cronjob.last_succeeded_at': 'Time of the last successful run. ISO 8601.',
      'k8s.workload.images': 'Container images, as `name=image`.',
    },
    relations: ownedByWorkloadUsingConfig,
  }),
  cronJobActive: upDownCounter('k8s.cronjob.job.active', '{job}', 'Running jobs of a CronJob.'),
}

export const cronJobs = kindCollector('cronJobs', {
  type: cronJobSignals.cronJob.type,
  entity: (cronJob: CronJob, allowsLabel) =>
    cronJobSignals.cronJob.entity({
      id: namedId(cronJob),
      name: cronJob.name,
      attributes: {
        ...commonAttributes('cronjob', cronJob, allowsLabel),
        'k8s.cronjob.schedule': cronJob.schedule,
        'k8s.cronjob.time_zone': cronJob.timeZone,
        'k8s.cronjob.suspended': cronJob.isSuspended,
        'k8s.cronjob.concurrency_policy': cronJob.concurrencyPolicy,
        'k8s.cronjob.last_scheduled_at': cronJob.lastScheduledAt,
        'k8s.cronjob.last_succeeded_at': cronJob.lastSucceededAt,
        'k8s.workload.images': imagesOf(cronJob.template.containers),
      },
      relations: [ownerRelation(cronJob), ...configRelations(cronJob)],
    }),
  metrics: ({ active }, entity) => [cronJobSignals.cronJobActive.point(active, entity)],
})
