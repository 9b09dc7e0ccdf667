/** Settings of a thing, compared between two readings. */
export interface Spec {
  /** Values by name that may be reported. */
  readonly shown: Readonly<Record<string, string>>
  /**
   * Keyed hashes of private values by name, such as `variable DB_PASSWORD`: only names are reported. `undefined` if the
   * values could not be read: they are not compared then.
   */
  readonly hashed: Readonly<Record<string, string>> | undefined
}

export interface SpecDifference {
  /** Names of settings that were added, removed or changed. */
  readonly fields: readonly string[]
  /** One text for each, as `memory 128 MiB → 256 MiB` or `variable DB_PASSWORD changed`. */
  readonly texts: readonly string[]
}

/** Parts of a sentence before the rest is only counted. */
const MAX_PARTS = 8

/** Compares two readings. Returns `undefined` if they are equal. */
export function compareSpecs(before: Spec, after: Spec): SpecDifference | undefined {
  const shown = changedNames(before.shown, after.shown)
  const [oldHashes, newHashes] = [before.hashed ?? {}, after.hashed ?? {}]
  const isComparable = before.hashed !== undefined && after.hashed !== undefined
  const hashed = isComparable ? changedNames(oldHashes, newHashes) : []
  if (shown.length + hashed.length === 0) return undefined
  const verb = (name: string): string => {
    if (!Object.hasOwn(oldHashes, name)) return 'added'
    return Object.hasOwn(newHashes, name) ? 'changed' : 'removed'
  }
  return {
    fields: [...shown, ...hashed],
    texts: [
      ...shown.map((name) => `${name} ${before.shown[name] ?? 'none'} → ${after.shown[name] ?? 'none'}`),
      ...hashed.map((name) => `${name} ${verb(name)}`),
    ],
  }
}

/** Joins texts for a person: `memory 128 MiB → 256 MiB; variable A removed; 3 more`. */
export function describeDifference({ texts }: SpecDifference): string {
  const rest = texts.length - MAX_PARTS
  return [...texts.slice(0, MAX_PARTS), ...(rest > 0 ? [`${rest} more`] : [])].join('; ')
}

function changedNames(before: Spec['shown'], after: Spec['shown']): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...names].filter((name) => before[name] !== after[name]).toSorted()
}

/** Omits values that do not exist. */
export function presentValues(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ''),
  )
}
