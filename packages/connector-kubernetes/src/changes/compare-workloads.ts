import type { NameFilter } from '@rca/core/connector'
import type { CronJob } from '../kinds/cron-job/cron-job.ts'
import type { Workload } from '../kinds/workload/workload-projection.ts'
import { compareTemplates, isChecksum } from './compare-templates.ts'
import { describeTemplates } from './describe-templates.ts'
import { changedFields, labelTransitions, transitions } from './differences.ts'

/** Differences between two versions of a workload. */
export interface WorkloadDifference {
  /** The parts that differ: `image`, `environment`, `settings`, … */
  readonly fields: readonly string[]
  readonly template: ReturnType<typeof compareTemplates>
  /** Settings of the workload and its template: `strategy: RollingUpdate → Recreate` */
  readonly settings: readonly string[]
  /** The differences of the template for a person. */
  readonly description: readonly string[]
}

/** Compares the parts of a workload that its author sets, except the number of pods; `undefined` if nothing differs. */
export function compareWorkloads(before: Workload, after: Workload, isWantedLabel: NameFilter) {
  // Servers count the changes of authors. An upgraded server may show another object without a change.
  if (after.generation !== undefined && before.generation === after.generation) return undefined
  const settings = ({ strategy, isPaused, progressDeadline }: Workload) => ({
    strategy,
    paused: isPaused,
    progress_deadline: progressDeadline,
  })
  return compareRevisions(before, after, isWantedLabel, [
    ...transitions(settings(before), settings(after)),
    ...labelTransitions(before.selector, after.selector, isWantedLabel).map((one) => `selector ${one}`),
  ])
}

/** Compares two versions of a CronJob. */
export function compareCronJobs(before: CronJob, after: CronJob, isWantedLabel: NameFilter) {
  const settings = ({ schedule, timeZone, isSuspended, concurrencyPolicy }: CronJob) => ({
    schedule,
    time_zone: timeZone,
    suspended: isSuspended,
    concurrency_policy: concurrencyPolicy,
  })
  return compareRevisions(before, after, isWantedLabel, transitions(settings(before), settings(after)))
}

/** Compares the templates of two versions or revisions of a workload, and adds differences of its own settings. */
export function compareRevisions(
  before: Pick<Workload, 'template'>,
  after: Pick<Workload, 'template'>,
  isWantedLabel: NameFilter,
  ownSettings: readonly string[] = [],
): WorkloadDifference | undefined {
  const template = compareTemplates(before.template, after.template, isWantedLabel)
  const settings = [...ownSettings, ...template.settings]
  const description = describeTemplates(before.template, after.template)
  const { environment, environmentFrom, annotations } = template
  const fields = changedFields({
    image: template.images,
    containers: template.containers,
    resources: template.resources,
    environment: [...Object.values(environment), ...Object.values(environmentFrom)].flat(),
    command: template.commands,
    probes: template.probes,
    mounts: template.mounts,
    configuration: annotations.filter(isChecksum),
    annotations: annotations.filter((name) => !isChecksum(name)),
    settings,
    restart: template.isRestart ? ['requested'] : [],
  })
  const difference = { template, settings, description }
  if (fields.length > 0) return { fields, ...difference }
  // A part that is not cached: tolerations, security contexts, …
  return before.template.keyedHash === after.template.keyedHash ? undefined : { fields: ['other'], ...difference }
}
