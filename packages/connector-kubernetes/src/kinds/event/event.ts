import { type Fields, fields, maybeFields, number, text } from '../fields.ts'
import { kindOf, type Metadata, metadataOf } from '../metadata.ts'

export interface ObjectReference {
  readonly kind: string
  readonly name: string
  readonly namespace: string
  readonly uid: string | undefined
  /** `spec.containers{app}` */
  readonly fieldPath: string | undefined
}

/** An event that a component of the cluster reports, possibly with a count. */
export interface ClusterEvent extends Metadata {
  /** `Normal` or `Warning`. */
  readonly type: string
  readonly reason: string
  /** Unredacted. */
  readonly message: string
  readonly about: ObjectReference
  /** `kubelet`, `default-scheduler`, … */
  readonly component: string | undefined
  readonly host: string | undefined
  readonly count: number
  readonly firstAt: string | undefined
  readonly lastAt: string | undefined
}

/** Components combine reports whose messages differ into one object, which has the latest message after this text. */
const COMBINED = /^\(combined from similar events\): /

/** Reads events of `events.k8s.io` and of the core group, which are the same objects. */
export function projectEvent(raw: unknown): ClusterEvent {
  const event = fields(raw)
  const series = fields(event.series)
  const source = fields(event.deprecatedSource ?? event.source)
  const created = text(fields(event.metadata).creationTimestamp)
  const firstAt = text(event.deprecatedFirstTimestamp) ?? text(event.firstTimestamp) ?? text(event.eventTime) ?? created
  return {
    ...metadataOf(raw),
    type: text(event.type) ?? '',
    reason: text(event.reason) ?? '',
    message: (text(event.note) ?? text(event.message) ?? '').replace(COMBINED, ''),
    about: referenceOf(maybeFields(event.regarding) ?? fields(event.involvedObject)),
    component: text(event.reportingController) ?? text(event.reportingComponent) ?? text(source.component),
    host: text(source.host),
    count: number(series.count) ?? number(event.deprecatedCount) ?? number(event.count) ?? 1,
    firstAt,
    lastAt:
      text(series.lastObservedTime) ?? text(event.deprecatedLastTimestamp) ?? text(event.lastTimestamp) ?? firstAt,
  }
}

function referenceOf(reference: Fields): ObjectReference {
  return {
    kind: kindOf(reference),
    name: text(reference.name) ?? '',
    namespace: text(reference.namespace) ?? '',
    uid: text(reference.uid),
    fieldPath: text(reference.fieldPath),
  }
}
