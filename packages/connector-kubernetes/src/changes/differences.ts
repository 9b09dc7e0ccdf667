/** Most elements of a list that are told. */
const MOST = 100

/** What came to a list, and what went from it. */
export interface Membership {
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

type Values = Readonly<Record<string, string | number | boolean | undefined>>

/** What came to a list, and what went from it, in order. */
export function membership(before: readonly string[], after: readonly string[]): Membership {
  return {
    added: after.filter((item) => !before.includes(item)).toSorted(),
    removed: before.filter((item) => !after.includes(item)).toSorted(),
  }
}

/** Names that both have with another value. */
export function changedNames(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): readonly string[] {
  return Object.keys(after)
    .filter((name) => Object.hasOwn(before, name) && before[name] !== after[name])
    .toSorted()
}

/** `limits.memory: 512 → 1024`; `none` for what is not set. */
export function transitions(before: Values, after: Values): readonly string[] {
  return differing(before, after).map((name) => transition(name, before[name], after[name]))
}

/** `app: web → shop`. Of labels that are not to be told only the name: `team: changed`. */
export function labelTransitions(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
  isWanted: (name: string) => boolean,
): readonly string[] {
  return differing(before, after).map((name) => {
    if (isWanted(name)) return transition(name, before[name], after[name])
    if (!Object.hasOwn(before, name)) return `${name}: added`
    return `${name}: ${Object.hasOwn(after, name) ? 'changed' : 'removed'}`
  })
}

/** `image: 1 → 2` */
export function transition(name: string, before: Values[string], after: Values[string]): string {
  return `${name}: ${shown(before)} → ${shown(after)}`
}

/** A list as an attribute: absent where it is empty, and not longer than anybody reads. */
export function some(items: readonly string[]): readonly string[] | undefined {
  if (items.length === 0) return undefined
  return items.length <= MOST ? items : [...items.slice(0, MOST), `and ${items.length - MOST} more`]
}

function differing(before: Values, after: Values): readonly string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => before[name] !== after[name])
}

function shown(value: Values[string]): string {
  return value === undefined || value === '' ? 'none' : `${value}`
}
