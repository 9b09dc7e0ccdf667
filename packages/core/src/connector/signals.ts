/**
 * Signals of collectors and watchers. All connectors share one model, so that the platform can store, draw and analyse
 * types of infrastructure that it does not know. The wire protocol has the same shapes.
 */

/** A value of an attribute, as in OpenTelemetry. */
export type AttributeValue = string | number | boolean | readonly string[]

/** Attributes by name. Names follow the OpenTelemetry semantic conventions where they exist. */
export type Attributes = Readonly<Record<string, AttributeValue>>

/** References an entity. `id` is unique among the entities of its type that one agent sees. */
export interface EntityReference {
  readonly type: string
  readonly id: string
}

/** An edge of the topology, such as `runs_on`, `part_of`, `owned_by`, `uses_image` or `mounts`. */
export interface Relation {
  readonly type: string
  readonly target: EntityReference
}

/** A thing that exists: a host, container, pod, filesystem, unit. */
export interface Entity extends EntityReference {
  /** Name for people. */
  readonly name: string
  readonly attributes: Attributes
  readonly relations: readonly Relation[]
}

export const METRIC_KINDS = ['gauge', 'counter', 'updowncounter'] as const

/**
 * Kind of a metric, in OpenTelemetry's terms: a `gauge` is an independent reading, a `counter` only grows until it is
 * reset, an `updowncounter` is a current sum (bytes in use, processes running).
 */
export type MetricKind = (typeof METRIC_KINDS)[number]

/** A data point. Carries its unit and kind, so that a platform can draw it without the connector. */
export interface Metric {
  readonly name: string
  /** Finite. A value that could not be read is omitted, never 0. */
  readonly value: number
  /**
   * Time of the measurement by the clock of a source that dates its values, ISO 8601, UTC. The platform stores it as it
   * is. At most 7 days ago, and 5 minutes ahead of the clock of this machine. @default the time of the report
   */
  readonly at?: string
  /** UCUM, as in OpenTelemetry: `1`, `s`, `By`, `{process}`. */
  readonly unit: string
  readonly kind: MetricKind
  readonly entity: EntityReference
  readonly attributes: Attributes
}

/** Severities of events, least severe first. */
export const SEVERITIES = ['info', 'warning', 'error', 'critical'] as const

/** Severity of an event. */
export type Severity = (typeof SEVERITIES)[number]

/** An occurrence at a point in time. The main input of root-cause analysis. */
export interface Event {
  /** Stable across restarts of the agent where the source allows it: the platform stores an id once per agent. */
  readonly id?: string
  readonly name: string
  /** ISO 8601, UTC. */
  readonly at: string
  /** Milliseconds by which the clock of `at` is ahead of this machine's. Absent for this machine's clock. */
  readonly clock_offset_ms?: number
  readonly severity: Severity
  readonly entity: EntityReference
  /** One sentence for people. */
  readonly body: string
  readonly attributes: Attributes
}

/** A part of the infrastructure that could not be observed. Distinguishes missing data from health. */
export interface Gap {
  /** The part that could not be observed, such as `collector:filesystems` or `filesystem:/mnt/data`. */
  readonly scope: string
  readonly reason: string
  /** Start of the gap. ISO 8601, UTC. */
  readonly since: string
  /** End of a gap that is over. ISO 8601, UTC. Absent for one that is open. Set by core. */
  readonly until?: string
}

/** Entities that a collector could not read: one of a type, or all of it without `id`. */
export interface UnreadEntities {
  readonly type: string
  readonly id?: string
}

/** Output of a collector's run or a watcher's `emit`. A missing list is empty; `undefined` elements are omitted. */
export interface Signals {
  readonly entities?: readonly (Entity | undefined)[]
  readonly metrics?: readonly (Metric | undefined)[]
  readonly events?: readonly (Event | undefined)[]
  /** `since` defaults to the time at which core first received a gap with this scope. */
  readonly gaps?: readonly ((Omit<Gap, 'since' | 'until'> & { readonly since?: string }) | undefined)[]
  /**
   * Parts that a collector could not read. Their entities, and those with a relation to them, at any distance, are kept
   * although `entities` lacks them, until a later run reads that part. Say why in a gap. Watchers ignore it.
   */
  readonly unread?: readonly (UnreadEntities | undefined)[]
}

/** Concatenates the lists of several signals. */
export function mergeSignals(parts: readonly Signals[]): Signals {
  const unread = parts.flatMap((part) => part.unread ?? [])
  return {
    entities: parts.flatMap((part) => part.entities ?? []),
    metrics: parts.flatMap((part) => part.metrics ?? []),
    events: parts.flatMap((part) => part.events ?? []),
    gaps: parts.flatMap((part) => part.gaps ?? []),
    ...(unread.length === 0 ? {} : { unread }),
  }
}
