import { createEventSampler, type Event, type EventSample, redactSecrets } from '@rca/core/connector'
import type { Cluster } from '../../kinds/index.ts'
import type { Job } from '../../kinds/job/job.ts'
import type { Condition } from '../../kinds/metadata.ts'
import { watchCluster } from '../cluster-watcher.ts'
import { isRecent, occurrence, timeOrNow } from '../occurrence.ts'
import { countAttribute, countSuffix } from '../sample-text.ts'
import { signals } from './signals.ts'
import { workloadAttributes } from './workload-attributes.ts'

/** Emits Jobs that have failed and are not retried. Jobs of a CronJob are sampled together. */
export const jobFailures = watchCluster(({ cluster }, { now, emit }) => {
  const sampler = createEventSampler()
  return (change) => {
    if (change.kind !== 'jobs' || change.type === 'deleted') return
    const condition = failureOf(change.object)
    if (condition === undefined) return
    const isNew = change.type === 'changed' ? failureOf(change.old) === undefined : isRecent(condition.since, now())
    if (!isNew) return
    const sample = sampler.sample(change.object.owner?.uid ?? change.object.uid, { at: now() })
    if (sample !== undefined) emit(failureEvent(change.object, condition, cluster, sample, now()))
  }
})

function failureOf({ conditions }: Job): Condition | undefined {
  return conditions.find(({ type, status }) => type === 'Failed' && status === 'True')
}

const INDEX_LABEL = 'batch.kubernetes.io/job-completion-index'

/** Indexes of an indexed Job that failed: as its controller counts, or else those of its failed pods. */
function failedIndexes({ uid, isIndexed, failedIndexes }: Job, cluster: Cluster): string | undefined {
  if (!isIndexed || failedIndexes !== undefined) return failedIndexes
  const indexes = new Set<number>()
  for (const { owner, phase, labels } of cluster.objects('pods').values())
    if (owner?.uid === uid && phase === 'Failed' && labels[INDEX_LABEL] !== undefined)
      indexes.add(Number(labels[INDEX_LABEL]))
  return indexes.size === 0 ? undefined : [...indexes].toSorted((one, other) => one - other).join(',')
}

function failureEvent(
  job: Job,
  { reason, message, since }: Condition,
  cluster: Cluster,
  sample: EventSample,
  now: Date,
): Event {
  const { owner, failed, startedAt } = job
  const indexes = failedIndexes(job, cluster)
  const named = indexes && `${/[,-]/.test(indexes) ? 'indexes' : 'index'} ${indexes}`
  const details = [reason, named].filter(Boolean).join(', ')
  const why = details === '' ? '' : `: ${details}`
  return signals.jobFailed.event({
    ...occurrence('Job', job, {
      id: 'failed',
      at: timeOrNow(since, now),
      what: `has failed${why}${countSuffix(sample)}`,
    }),
    attributes: {
      ...workloadAttributes('Job', job),
      ...countAttribute(sample),
      'k8s.cronjob.name': owner?.kind === 'CronJob' ? owner.name : undefined,
      'k8s.job.reason': reason,
      'k8s.job.message': message === undefined ? undefined : redactSecrets(message),
      'k8s.job.failed_pods': failed,
      'k8s.job.failed_indexes': indexes,
      'k8s.job.started_at': startedAt,
    },
  })
}
