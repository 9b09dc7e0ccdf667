import type {
  EntityDefinition,
  EventDefinition,
  MetricDefinition,
  SignalCatalog,
} from '../../connector/signal-catalog.ts'
import { LIMITS } from '../../platform/protocol.ts'

interface Declared {
  isAttribute(name: string): boolean
}

/** A catalog's definitions, by the name under which a signal is emitted. */
export interface DeclaredSignals {
  readonly metrics: ReadonlyMap<unknown, MetricDefinition & Declared>
  readonly entities: ReadonlyMap<unknown, EntityDefinition & Declared & { isRelation(type: string): boolean }>
  readonly events: ReadonlyMap<unknown, EventDefinition & Declared>
}

/** Indexes a catalog. */
export function declaredSignals(catalog: SignalCatalog): DeclaredSignals {
  const declared = Object.values(catalog).map((entry) => ({ ...entry, isAttribute: nameMatcher(entry.attributes) }))
  return {
    metrics: new Map(declared.flatMap((entry) => (entry.signal === 'metric' ? [[entry.name, entry] as const] : []))),
    entities: new Map(
      declared.flatMap((entry) =>
        entry.signal === 'entity'
          ? [[entry.type, { ...entry, isRelation: nameMatcher(entry.relations) }] as const]
          : [],
      ),
    ),
    events: new Map(declared.flatMap((entry) => (entry.signal === 'event' ? [[entry.name, entry] as const] : []))),
  }
}

/**
 * Returns a function that tests whether a name is declared. A declared name that ends with `*` matches every name
 * with that prefix.
 */
function nameMatcher(declared: Readonly<Record<string, string>>): (name: string) => boolean {
  const names = new Set(Object.keys(declared))
  const prefixes = [...names].filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1))
  // The platform refuses the whole report if a name is `__proto__` or holds a lone surrogate.
  return (name) =>
    names.has(name) ||
    (name.length <= LIMITS.name &&
      name !== '__proto__' &&
      name.isWellFormed() &&
      prefixes.some((prefix) => name.length > prefix.length && name.startsWith(prefix)))
}
