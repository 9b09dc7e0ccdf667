import type { CronJob } from '../kinds/cron-job/cron-job.ts'
import type { Workload } from '../kinds/workload/workload-projection.ts'
import { compareTemplates, isChecksum, type TemplateDifference } from './compare-templates.ts'
import { labelTransitions, transitions } from './differences.ts'

/** Differences between two versions of a workload. */
export interface WorkloadDifference {
  /** The parts that differ: `image`, `environment`, `settings`, … */
  readonly fields: readonly string[]
  readonly template: TemplateDifference
  /** Settings of the workload and its template: `strategy: RollingUpdate → Recreate` */
  readonly settings: readonly string[]
}

/** Compares the parts of a workload that its author sets, except the number of pods; `undefined` if nothing differs. */
export function compareWorkloads(
  before: Workload,
  after: Workload,
  isWantedLabel: (name: string) => boolean,
): WorkloadDifference | undefined {
  // Servers count the changes of authors. An upgraded server may show another object without a change.
  if (after.generation !== undefined && before.generation === after.generation) return undefined
  const settings = ({ strategy, isPaused, progressDeadline }: Workload) => ({
    strategy,
    paused: isPaused,
    progress_deadline: progressDeadline,
  })
  return difference(before, after, isWantedLabel, [
    ...transitions(settings(before), settings(after)),
    ...labelTransitions(before.selector, after.selector, isWantedLabel).map((one) => `selector ${one}`),
  ])
}

/** Compares two versions of a CronJob. */
export function compareCronJobs(
  before: CronJob,
  after: CronJob,
  isWantedLabel: (name: string) => boolean,
): WorkloadDifference | undefined {
  const settings = ({ schedule, timeZone, isSuspended, concurrencyPolicy }: CronJob) => ({
    schedule,
    time_zone: timeZone,
    suspended: isSuspended,
    concurrency_policy: concurrencyPolicy,
  })
  return difference(before, after, isWantedLabel, transitions(settings(before), settings(after)))
}

/** Compares two templates of a workload that cannot be read itself. */
export function compareRevisions(
  before: Pick<Workload, 'template'>,
  after: Pick<Workload, 'template'>,
  isWantedLabel: (name: string) => boolean,
): WorkloadDifference | undefined {
  return difference(before, after, isWantedLabel, [])
}

function difference(
  before: Pick<Workload, 'template'>,
  after: Pick<Workload, 'template'>,
  isWantedLabel: (name: string) => boolean,
  own: readonly string[],
): WorkloadDifference | undefined {
  const template = compareTemplates(before.template, after.template, isWantedLabel)
  const settings = [...own, ...template.settings]
  const isAny = (...lists: readonly (readonly string[])[]): boolean => lists.some((list) => list.length > 0)
  const { environment, environmentFrom, containers, mounts, annotations } = template
  const differs: Readonly<Record<string, boolean>> = {
    image: isAny(template.images),
    containers: isAny(containers.added, containers.removed),
    resources: isAny(template.resources),
    environment: isAny(
      environment.added,
      environment.removed,
      environment.changed,
      environmentFrom.added,
      environmentFrom.removed,
    ),
    command: isAny(template.commands),
    probes: isAny(template.probes),
    mounts: isAny(mounts.added, mounts.removed),
    configuration: annotations.some(isChecksum),
    annotations: annotations.some((name) => !isChecksum(name)),
    settings: isAny(settings),
    restart: template.isRestart,
  }
  const fields = Object.keys(differs).filter((name) => differs[name])
  if (fields.length > 0) return { fields, template, settings }
  // A part that is not cached: tolerations, security contexts, …
  return before.template.keyedHash === after.template.keyedHash ? undefined : { fields: ['other'], template, settings }
}
