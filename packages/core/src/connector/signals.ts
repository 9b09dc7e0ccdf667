/**
 * Signals of collectors and watchers. One model for every connector, so that the platform can store, draw and reason
 * about types of infrastructure that it does not know. The wire has the same shapes.
 */

/** A value of an attribute, as in OpenTelemetry. */
export type AttributeValue = string | number | boolean | readonly string[]

/** Facts by name. Names follow the OpenTelemetry semantic conventions where they exist. */
export type Attributes = Readonly<Record<string, AttributeValue>>

/** Points at an entity. `id` is unique among the entities of its type that one agent sees. */
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

/** Kinds of metrics. */
export const METRIC_KINDS = ['gauge', 'counter', 'updowncounter'] as const

/**
 * How to read a metric's values, in OpenTelemetry's terms: a `gauge` is a reading of its own, a `counter` only grows
 * until it is reset, an `updowncounter` is a current sum (bytes in use, processes running).
 */
export type MetricKind = (typeof METRIC_KINDS)[number]

/** One point. It carries unit and kind from the connector's catalog, so that a platform can draw it without the connector. */
export interface Metric {
  readonly name: string
  /** Finite. A value that could not be read is left out, never 0. */
  readonly value: number
  /** UCUM, as in OpenTelemetry: `1`, `s`, `By`, `{process}`. */
  readonly unit: string
  readonly kind: MetricKind
  readonly entity: EntityReference
  readonly attributes: Attributes
}

/** How bad an event can be, the least first. */
export const SEVERITIES = ['info', 'warning', 'error', 'critical'] as const

/** How bad an event is. */
export type Severity = (typeof SEVERITIES)[number]

/** Something that happened at a moment. Root-cause analysis lives on these. */
export interface Event {
  /** Stable across restarts of the agent where the source allows it: the platform stores an id once per agent. */
  readonly id?: string
  readonly name: string
  /** ISO 8601, UTC. */
  readonly at: string
  readonly severity: Severity
  readonly entity: EntityReference
  /** One sentence for people. */
  readonly body: string
  readonly attributes: Attributes
}

/** "I could not see this", so that silence is never read as health. */
export interface Gap {
  /** The part that could not be seen, such as `collector:filesystems` or `filesystem:/mnt/data`. */
  readonly scope: string
  readonly reason: string
  /** Since when. ISO 8601, UTC. */
  readonly since: string
}

/**
 * Output of one run of a collector, or one message of a watcher. Absent lists are empty lists; `undefined` elements stand for
 * values that could not be read and are left out.
 */
export interface Signals {
  readonly entities?: readonly (Entity | undefined)[]
  readonly metrics?: readonly (Metric | undefined)[]
  readonly events?: readonly (Event | undefined)[]
  /** `since` may be left out: it is then the time at which core first saw this scope fail. */
  readonly gaps?: readonly ((Omit<Gap, 'since'> & { readonly since?: string }) | undefined)[]
}

/** Joins what several readers said into one. */
export function mergeSignals(parts: readonly Signals[]): Signals {
  return {
    entities: parts.flatMap((part) => part.entities ?? []),
    metrics: parts.flatMap((part) => part.metrics ?? []),
    events: parts.flatMap((part) => part.events ?? []),
    gaps: parts.flatMap((part) => part.gaps ?? []),
  }
}
