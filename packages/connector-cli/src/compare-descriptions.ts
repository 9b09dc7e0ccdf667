import type { JsonSchema, StaticDescription } from '@rca/core'

/** Kind of a change, as in semantic versioning. */
export type ChangeKind = 'major' | 'minor'

/** One difference between two versions of a connector that its users notice. */
export interface DescriptionChange {
  readonly kind: ChangeKind
  /** Such as `removes the metric acme.queue.length`. */
  readonly text: string
}

/**
 * Compares what a connector offers with what its last version offered. A change is major if it can break a
 * configuration, a question about stored signals, or an agent.
 */
export function compareDescriptions(before: StaticDescription, now: StaticDescription): DescriptionChange[] {
  return [
    ...(before.type === now.type ? [] : [major(`changes the type \`${before.type}\` to \`${now.type}\``)]),
    ...compareOptions(before.config as JsonSchema, now.config as JsonSchema),
    ...compareNamed('entity', byName(before.signals.entities), byName(now.signals.entities), compareEntities),
    ...compareNamed('metric', byName(before.signals.metrics), byName(now.signals.metrics), compareMetrics),
    ...compareNamed('event', byName(before.signals.events), byName(now.signals.events), compareAttributes),
  ]
}

type Entity = StaticDescription['signals']['entities'][number]
type Metric = StaticDescription['signals']['metrics'][number]
type Compare<Item> = (label: string, before: Item, now: Item) => DescriptionChange[]

function compareNamed<Item>(
  kind: string,
  before: ReadonlyMap<string, Item>,
  now: ReadonlyMap<string, Item>,
  compare: Compare<Item>,
): DescriptionChange[] {
  const changes: DescriptionChange[] = []
  for (const [name, old] of before) {
    const current = now.get(name)
    const label = `the ${kind} \`${name}\``
    changes.push(...(current === undefined ? [major(`removes ${label}`)] : compare(label, old, current)))
  }
  for (const name of now.keys()) if (!before.has(name)) changes.push(minor(`adds the ${kind} \`${name}\``))
  return changes
}

function compareMetrics(label: string, before: Metric, now: Metric): DescriptionChange[] {
  const changes = (['unit', 'kind'] as const)
    .filter((field) => before[field] !== now[field])
    .map((field) => major(`changes the ${field} of ${label} from \`${before[field]}\` to \`${now[field]}\``))
  return [...changes, ...compareAttributes(label, before, now)]
}

function compareEntities(label: string, before: Entity, now: Entity): DescriptionChange[] {
  const relations = compareKeys(`a relation of ${label}`, Object.keys(before.relations), Object.keys(now.relations))
  return [...compareAttributes(label, before, now), ...relations]
}

function compareAttributes(
  label: string,
  before: Pick<Metric, 'attributes'>,
  now: Pick<Metric, 'attributes'>,
): DescriptionChange[] {
  return compareKeys(`an attribute of ${label}`, Object.keys(before.attributes), Object.keys(now.attributes))
}

function compareKeys(label: string, before: readonly string[], now: readonly string[]): DescriptionChange[] {
  return [
    ...before.filter((key) => !now.includes(key)).map((key) => major(`removes \`${key}\`, ${label}`)),
    ...now.filter((key) => !before.includes(key)).map((key) => minor(`adds \`${key}\`, ${label}`)),
  ]
}

/** Keywords that say which values an option accepts. */
const ACCEPTED = [
  'type',
  'pattern',
  'format',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'items',
  'anyOf',
] as const

function compareOptions(before: JsonSchema, now: JsonSchema): DescriptionChange[] {
  const compareOption: Compare<JsonSchema> = (label, old, current) => {
    const lost = (old.enum ?? []).filter((value) => current.enum !== undefined && !current.enum.includes(value))
    const narrowed = old.enum === undefined && current.enum !== undefined
    const changed = ACCEPTED.filter((keyword) => JSON.stringify(old[keyword]) !== JSON.stringify(current[keyword]))
    return [
      ...(lost.length > 0 || narrowed ? [major(`accepts fewer values for ${label}`)] : []),
      ...changed.map((keyword) => major(`changes \`${keyword}\` of ${label}`)),
      ...(JSON.stringify(old.default) === JSON.stringify(current.default)
        ? []
        : [minor(`changes the default of ${label}`)]),
    ]
  }
  const required = (now.required ?? []).filter((name) => !(before.required ?? []).includes(name))
  return [
    ...compareNamed(
      'option',
      new Map(Object.entries(before.properties ?? {})),
      new Map(Object.entries(now.properties ?? {})),
      compareOption,
    ),
    ...required.map((name) => major(`requires the option \`${name}\``)),
  ]
}

function byName<Item extends { readonly name?: string; readonly type?: string }>(items: readonly Item[]) {
  return new Map(items.map((item) => [item.name ?? item.type ?? '', item] as const))
}

function major(text: string): DescriptionChange {
  return { kind: 'major', text }
}

function minor(text: string): DescriptionChange {
  return { kind: 'minor', text }
}
