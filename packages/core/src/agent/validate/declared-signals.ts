import type {
  EntityDefinition,
  EventDefinition,
  MetricDefinition,
  SignalCatalog,
} from '../../connector/signal-catalog.ts'
import { LIMITS } from '../../platform/protocol.ts'

/** What was declared, by the name under which it is emitted. */
export function declarationsOf(catalog: SignalCatalog): {
  readonly metrics: ReadonlyMap<unknown, MetricDefinition & { isAttribute(name: string): boolean }>
  readonly entities: ReadonlyMap<
    unknown,
    EntityDefinition & { isAttribute(name: string): boolean; isRelation(type: string): boolean }
  >
  readonly events: ReadonlyMap<unknown, EventDefinition & { isAttribute(name: string): boolean }>
} {
  const declared = Object.values(catalog).map((entry) => ({ ...entry, isAttribute: nameCheck(entry.attributes) }))
  return {
    metrics: new Map(declared.flatMap((entry) => (entry.signal === 'metric' ? [[entry.name, entry] as const] : []))),
    entities: new Map(
      declared.flatMap((entry) =>
        entry.signal === 'entity' ? [[entry.type, { ...entry, isRelation: nameCheck(entry.relations) }] as const] : [],
      ),
    ),
    events: new Map(declared.flatMap((entry) => (entry.signal === 'event' ? [[entry.name, entry] as const] : []))),
  }
}

/** Whether a name is among those declared; one declared with `*` at its end stands for all that begin like it. */
function nameCheck(declared: Readonly<Record<string, string>>): (name: string) => boolean {
  const names = new Set(Object.keys(declared))
  const beginnings = [...names].filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1))
  // The platform refuses `__proto__` and half a character in names, and the whole report with them.
  return (name) =>
    names.has(name) ||
    (name.length <= LIMITS.name &&
      name !== '__proto__' &&
      name.isWellFormed() &&
      beginnings.some((beginning) => name.length > beginning.length && name.startsWith(beginning)))
}
