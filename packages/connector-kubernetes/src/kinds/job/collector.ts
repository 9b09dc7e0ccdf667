import { signals } from '../../signals.ts'
import { commonAttributes, imagesOf, ownerRelation } from '../describe-object.ts'
import { kindCollector } from '../kind-collector.ts'
import { namedId } from '../references.ts'
import type { Job } from './job.ts'

/** Every Job, and how its pods fare. */
export const jobs = kindCollector('jobs', {
  entities: (job, isWantedLabel) => [
    signals.job.entity({
      id: namedId(job),
      name: job.name,
      attributes: {
        ...commonAttributes('job', job, isWantedLabel),
        'k8s.job.state': stateOf(job),
        'k8s.job.reason': conditionOf(job, 'Failed')?.reason,
        'k8s.job.started_at': job.startedAt,
        'k8s.job.completed_at': job.completedAt,
      },
      relations: [ownerRelation(job)],
    }),
  ],
  metrics: (job, entity) => [
    signals.jobActivePods.point(job.active, entity),
    signals.jobSuccessfulPods.point(job.succeeded, entity),
    signals.jobFailedPods.point(job.failed, entity),
    signals.jobDesiredPods.point(job.completions, entity),
  ],
})

/** Every CronJob. */
export const cronJobs = kindCollector('cronJobs', {
  entities: (cronJob, isWantedLabel) => [
    signals.cronJob.entity({
      id: namedId(cronJob),
      name: cronJob.name,
      attributes: {
        ...commonAttributes('cronjob', cronJob, isWantedLabel),
        'k8s.cronjob.schedule': cronJob.schedule,
        'k8s.cronjob.time_zone': cronJob.timeZone,
        'k8s.cronjob.suspended': cronJob.isSuspended,
        'k8s.cronjob.concurrency_policy': cronJob.concurrencyPolicy,
        'k8s.cronjob.last_scheduled_at': cronJob.lastScheduledAt,
        'k8s.cronjob.last_succeeded_at': cronJob.lastSucceededAt,
        'k8s.workload.images': imagesOf(cronJob.template.containers),
      },
      relations: [ownerRelation(cronJob)],
    }),
  ],
  metrics: ({ active }, entity) => [signals.cronJobActive.point(active, entity)],
})

function conditionOf({ conditions }: Job, wanted: string) {
  return conditions.find(({ type, status }) => type === wanted && status === 'True')
}

function stateOf(job: Job): string {
  if (conditionOf(job, 'Failed') !== undefined) return 'failed'
  if (conditionOf(job, 'Complete') !== undefined) return 'complete'
  return job.isSuspended ? 'suspended' : 'active'
}
