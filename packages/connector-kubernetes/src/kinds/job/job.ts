import { count, fields, flag, number, text } from '../fields.ts'
import { type Condition, conditionsOf, type Manager, type Metadata, managersOf, metadataOf } from '../metadata.ts'
import { type KeyedHash, type PodTemplate, projectTemplate } from '../workload/pod-template.ts'

export interface Job extends Metadata {
  readonly completions: number | undefined
  readonly parallelism: number | undefined
  readonly backoffLimit: number | undefined
  readonly isSuspended: boolean
  readonly active: number
  readonly succeeded: number
  readonly failed: number
  readonly startedAt: string | undefined
  readonly completedAt: string | undefined
  /** `Complete` or `Failed`, with the reason. */
  readonly conditions: readonly Condition[]
}

/** @throws Error when it has no name or uid. */
export function projectJob(raw: unknown): Job {
  const spec = fields(fields(raw).spec)
  const status = fields(fields(raw).status)
  return {
    ...metadataOf(raw),
    completions: number(spec.completions),
    parallelism: number(spec.parallelism),
    backoffLimit: number(spec.backoffLimit),
    isSuspended: flag(spec.suspend) ?? false,
    active: count(status.active),
    succeeded: count(status.succeeded),
    failed: count(status.failed),
    startedAt: text(status.startTime),
    completedAt: text(status.completionTime),
    conditions: conditionsOf(status),
  }
}

export interface CronJob extends Metadata {
  readonly schedule: string | undefined
  readonly timeZone: string | undefined
  readonly isSuspended: boolean
  readonly concurrencyPolicy: string | undefined
  /** Jobs that run. */
  readonly active: number
  readonly lastScheduledAt: string | undefined
  readonly lastSucceededAt: string | undefined
  readonly template: PodTemplate
  readonly managers: readonly Manager[]
}

/** @throws Error when it has no name or uid. */
export function projectCronJob(raw: unknown, keyedHash: KeyedHash): CronJob {
  const spec = fields(fields(raw).spec)
  const status = fields(fields(raw).status)
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
