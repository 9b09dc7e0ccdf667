import type {
  Attributes,
  AttributeValue,
  Entity,
  EntityReference,
  Event,
  Metric,
  MetricKind,
  Relation,
  Severity,
} from './signals.ts'

/** Attribute names → descriptions of the value. `container.label.*` declares every name with that prefix. */
export type AttributeDescriptions = Readonly<Record<string, string>>

/** Relation types → descriptions of the target. */
export type RelationDescriptions = Readonly<Record<string, string>>

/** Attributes that a definition declares. `undefined` values are omitted. */
export type DeclaredAttributes<Names extends AttributeDescriptions> = {
  readonly [Name in keyof Names as Name extends `${infer Beginning}*` ? `${Beginning}${string}` : Name]?:
    | AttributeValue
    | undefined
}

/** A relation of a type that a definition declares. */
export type DeclaredRelation<Relations extends RelationDescriptions> = Relation & { readonly type: keyof Relations }

/** A declared metric. Builds points that carry the declared name, unit and kind. */
export interface MetricDefinition<Names extends AttributeDescriptions = AttributeDescriptions> {
  readonly signal: 'metric'
  readonly name: string
  readonly unit: string
  readonly kind: MetricKind
  readonly description: string
  readonly attributes: Names
  /**
   * Creates a point, or `undefined` if the value could not be read: the runner omits it. `at` is the time of the
   * measurement, if the source knows it.
   */
  point(
    value: number | undefined,
    entity: EntityReference,
    attributes?: DeclaredAttributes<Names>,
    at?: Date,
  ): Metric | undefined
}

/** A declared type of entity. */
export interface EntityDefinition<
  Names extends AttributeDescriptions = AttributeDescriptions,
  Relations extends RelationDescriptions = RelationDescriptions,
> {
  readonly signal: 'entity'
  readonly type: string
  readonly description: string
  readonly attributes: Names
  readonly relations: Relations
  /** References an entity of this type without describing it. */
  reference(id: string): EntityReference
  /** Describes an entity. `name` defaults to `id`. */
  entity(description: {
    readonly id: string
    readonly name?: string | undefined
    readonly attributes?: DeclaredAttributes<Names>
    readonly relations?: readonly DeclaredRelation<Relations>[]
  }): Entity
}

/** A declared event. */
export interface EventDefinition<Names extends AttributeDescriptions = AttributeDescriptions> {
  readonly signal: 'event'
  readonly name: string
  /** Default severity. */
  readonly severity: Severity
  readonly description: string
  readonly attributes: Names
  /** Creates an event. `severity` defaults to the declared severity. */
  event(occurrence: {
    readonly id?: string | undefined
    readonly at: Date
    readonly entity: EntityReference
    readonly body: string
    readonly severity?: Severity | undefined
    readonly attributes?: DeclaredAttributes<Names>
  }): Event
}

/** The signals that a connector may emit. The runtime rejects all others; the docs are generated from it. */
export type SignalCatalog = Readonly<Record<string, MetricDefinition | EntityDefinition | EventDefinition>>

/** Fields that declare an entry of a catalog. */
type Declaration<Definition, Names, Key extends keyof Definition> = Pick<Definition, Key> & {
  /** Attribute names → descriptions. Only these may be set. @default none */
  readonly attributes?: Names
}

/**
 * Declares a metric. Names and units follow the OpenTelemetry semantic conventions where they exist.
 *
 * @example metric({ name: 'system.cpu.utilization', unit: '1', kind: 'gauge', description: 'Share of time not idle.' })
 */
export function metric<const Names extends AttributeDescriptions = Record<never, string>>(
  declaration: Declaration<MetricDefinition, Names, 'name' | 'unit' | 'kind' | 'description'>,
): MetricDefinition<Names> {
  const { name, unit, kind, description } = declaration
  return Object.freeze<MetricDefinition<Names>>({
    signal: 'metric',
    name,
    unit,
    kind,
    description,
    attributes: declaration.attributes ?? ({} as Names),
    point: (value, entity, attributes, at) => {
      if (value === undefined) return undefined
      const point = { name, value, unit, kind, entity: shared(entity), attributes: present(attributes) }
      return at === undefined ? point : { ...point, at: timeOf(at) }
    },
  })
}

/**
 * Declares a type of entity, such as `host` or `container`. One collector describes an entity; others reference it.
 *
 * @example entity({ type: 'disk', description: 'A disk.', relations: { part_of: 'The host.' } })
 */
export function entity<
  const Names extends AttributeDescriptions = Record<never, string>,
  const Relations extends RelationDescriptions = Record<never, string>,
>(
  declaration: Declaration<EntityDefinition, Names, 'type' | 'description'> & {
    /** Relation types → descriptions. An entity may have only these. @default none */
    readonly relations?: Relations
  },
): EntityDefinition<Names, Relations> {
  const { type, description } = declaration
  return Object.freeze<EntityDefinition<Names, Relations>>({
    signal: 'entity',
    type,
    description,
    attributes: declaration.attributes ?? ({} as Names),
    relations: declaration.relations ?? ({} as Relations),
    reference: (id) => ({ type, id }),
    entity: ({ id, name, attributes, relations }) => ({
      type,
      id,
      name: name ?? id,
      attributes: present(attributes),
      relations: relations ?? [],
    }),
  })
}

/** Declares an event, such as `host.rebooted`. */
export function event<const Names extends AttributeDescriptions = Record<never, string>>(
  declaration: Declaration<EventDefinition, Names, 'name' | 'severity' | 'description'>,
): EventDefinition<Names> {
  const { name, severity: usual, description } = declaration
  return Object.freeze<EventDefinition<Names>>({
    signal: 'event',
    name,
    severity: usual,
    description,
    attributes: declaration.attributes ?? ({} as Names),
    event: ({ id, at, entity: { type, id: entityId }, body, severity, attributes }) => ({
      ...(id === undefined ? {} : { id }),
      name,
      at: timeOf(at),
      severity: severity ?? usual,
      entity: { type, id: entityId },
      body,
      attributes: present(attributes),
    }),
  })
}

/** The runner rejects a signal without a valid time, and reports that; the other signals are kept. */
function timeOf(at: Date): string {
  return Number.isNaN(at.getTime()) ? 'unknown' : at.toISOString()
}

/** Entity of the newest point. Tens of thousands of points mostly come grouped by entity. */
let newest: EntityReference = Object.freeze({ type: '', id: '' })

/** Returns the same object for consecutive points of an entity. */
function shared({ type, id }: EntityReference): EntityReference {
  if (type !== newest.type || id !== newest.id) newest = Object.freeze({ type, id })
  return newest
}

/** Shared by all points without attributes. */
const NONE: Attributes = Object.freeze({})

/** Omits `undefined` values. Returns frozen attributes without copying them. */
function present(attributes: Readonly<Record<string, AttributeValue | undefined>> | undefined): Attributes {
  if (attributes === undefined) return NONE
  const names = Object.keys(attributes)
  if (Object.isFrozen(attributes) && names.every((name) => attributes[name] !== undefined))
    return attributes as Attributes
  const result: Record<string, AttributeValue> = {}
  for (const name of names) {
    const value = attributes[name]
    if (value !== undefined) result[name] = value
  }
  return result
}
