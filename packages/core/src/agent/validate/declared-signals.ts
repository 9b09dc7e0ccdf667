import type { SignalCatalog } from '../../connector/signal-catalog.ts'
import { LIMITS } from '../../platform/protocol.ts'

/** Indexes a catalog's definitions by the name under which a signal is emitted. */
export function declaredSignals(catalog: SignalCatalog) {
  const declared = Object.values(catalog).map((entry) => ({ ...entry, isAttribute: nameMatcher(entry.attributes) }))
  const metrics = declared.filter((entry) => entry.signal === 'metric')
  const entities = declared.filter((entry) => entry.signal === 'entity')
  const events = declared.filter((entry) => entry.signal === 'event')
  return {
    metrics: new Map(metrics.map((entry) => [entry.name as unknown, entry])),
    entities: new Map(
      entities.map((entry) => [entry.type as unknown, { ...entry, isRelation: nameMatcher(entry.relations) }]),
    ),
    events: new Map(events.map((entry) => [entry.name as unknown, entry])),
  }
}

/** Tests whether a name is declared. A declared `prefix*` matches every name with that prefix. */
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
