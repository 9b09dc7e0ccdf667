const MAX_ELEMENTS = 100

export interface Membership {
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

/** A part of an object: its transitions, or its added and removed elements. */
type Part = readonly string[] | Membership

type Values = Readonly<Record<string, string | number | boolean | undefined>>

/** Compares two lists. The elements are sorted. */
export function membership(before: readonly string[], after: readonly string[]): Membership {
  return {
    added: after.filter((item) => !before.includes(item)).toSorted(),
    removed: before.filter((item) => !after.includes(item)).toSorted(),
  }
}

/** Names of the parts that differ. */
export function changedFields(parts: Readonly<Record<string, Part>>): readonly string[] {
  return Object.keys(parts).filter((name) => isDifferent(parts[name] ?? []))
}

function isDifferent(part: Part): boolean {
  return 'added' in part ? part.added.length + part.removed.length > 0 : part.length > 0
}

/** Names that both records have with different values. */
export function changedNames(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): readonly string[] {
  return Object.keys(after)
    .filter((name) => Object.hasOwn(before, name) && before[name] !== after[name])
    .toSorted()
}

/** `limits.memory: 512 → 1024`; `none` for a value that is not set. */
export function transitions(before: Values, after: Values): readonly string[] {
  return differingNames(before, after).map((name) => transition(name, before[name], after[name]))
}

/** `app: web → shop`; without the values of unwanted labels: `team: changed`. */
export function labelTransitions(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
  isWanted: (name: string) => boolean,
): readonly string[] {
  return differingNames(before, after).map((name) => {
    if (isWanted(name)) return transition(name, before[name], after[name])
    if (!Object.hasOwn(before, name)) return `${name}: added`
    return `${name}: ${Object.hasOwn(after, name) ? 'changed' : 'removed'}`
  })
}

/** `image: 1 → 2` */
function transition(name: string, before: Values[string], after: Values[string]): string {
  return `${name}: ${shown(before)} → ${shown(after)}`
}

/** A list as an attribute: absent if it is empty, and cut after 100 elements. */
export function listAttribute(items: readonly string[]): readonly string[] | undefined {
  if (items.length === 0) return undefined
  return items.length <= MAX_ELEMENTS
    ? items
    : [...items.slice(0, MAX_ELEMENTS), `and ${items.length - MAX_ELEMENTS} more`]
}

/** Names whose values differ, or that only one of two records has. */
export function differingNames(before: Values, after: Values): readonly string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => before[name] !== after[name])
}

function shown(value: Values[string]): string {
  return value === undefined || value === '' ? 'none' : `${value}`
}
