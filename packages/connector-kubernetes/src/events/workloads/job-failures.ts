import { type Event, redactSecrets } from '@rca/core/connector'
import type { Job } from '../../kinds/job/job.ts'
import type { Condition } from '../../kinds/metadata.ts'
import { namedReference } from '../../kinds/references.ts'
import { signals } from '../../signals.ts'
import { isRecent, momentOf } from '../event-time.ts'
import { following } from '../follower.ts'
import { countAttribute, createRepetitions, timesOver } from '../repetitions.ts'
import { titleOf, workloadAttributes } from './workload-attributes.ts'

/** Jobs that have failed for good. Of a CronJob that fails each minute not every failure is told. */
export const jobFailures = following((_client, { now, tell }) => {
  const repetitions = createRepetitions()
  return (change) => {
    if (change.kind !== 'jobs' || change.type === 'deleted') return
    const condition = failureOf(change.object)
    if (condition === undefined) return
    const isNew = change.type === 'changed' ? failureOf(change.old) === undefined : isRecent(condition.since, now())
    if (!isNew) return
    const count = repetitions.count(change.object.owner?.uid ?? change.object.uid, now())
    if (count !== undefined) tell(failed(change.object, condition, count, now()))
  }
})

function failureOf({ conditions }: Job): Condition | undefined {
  return conditions.find(({ type, status }) => type === 'Failed' && status === 'True')
}

function failed(job: Job, { reason, message, since }: Condition, count: number, now: Date): Event {
  const { uid, owner, failed: pods, startedAt } = job
  return signals.jobFailed.event({
    id: `k8s/${uid}/failed`,
    at: momentOf(since, now),
    entity: namedReference('Job', job),
    body: `${titleOf('Job', job)} has failed${reason === undefined ? '' : `: ${reason}`}${timesOver(count)}`,
    attributes: {
      ...workloadAttributes('Job', job),
      ...countAttribute(count),
      'k8s.cronjob.name': owner?.kind === 'CronJob' ? owner.name : undefined,
      'k8s.job.reason': reason,
      'k8s.job.message': message === undefined ? undefined : redactSecrets(message),
      'k8s.job.failed_pods': pods,
      'k8s.job.started_at': startedAt,
    },
  })
}
