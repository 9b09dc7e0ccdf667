/** Objects of the language that every package in a process shares. */
const SHARED = { Object, Array, String, Number, Function, Promise, Map, Set, Error, RegExp, Date } as const

/** The properties of shared prototypes at one time, by names such as `Array.prototype.map`. */
export type PrototypeSnapshot = ReadonlyMap<string, SharedProperty>

interface SharedProperty {
  readonly owner: object
  readonly key: string
  readonly descriptor: PropertyDescriptor
}

/** Records the properties of shared prototypes. */
export function snapshotPrototypes(): PrototypeSnapshot {
  return new Map(
    Object.entries(SHARED).flatMap(([name, { prototype: owner }]) =>
      Object.entries(Object.getOwnPropertyDescriptors(owner as object)).map(
        ([key, descriptor]) => [`${name}.prototype.${key}`, { owner, key, descriptor }] as const,
      ),
    ),
  )
}

/** Returns the names of properties that were added, changed or removed between two snapshots. */
export function changedPrototypes(before: PrototypeSnapshot, after: PrototypeSnapshot): string[] {
  const codeOf = (snapshot: PrototypeSnapshot, name: string): unknown => {
    const { value, get } = snapshot.get(name)?.descriptor ?? {}
    return value ?? get
  }
  const names = [...new Set([...before.keys(), ...after.keys()])]
  return names.filter((name) => codeOf(before, name) !== codeOf(after, name))
}

/** Undoes changes, as far as they can be undone. Returns their names. */
export function restorePrototypes(before: PrototypeSnapshot): string[] {
  const after = snapshotPrototypes()
  const changed = changedPrototypes(before, after)
  for (const name of changed) {
    const property = before.get(name) ?? after.get(name)
    if (property === undefined) continue
    if (before.has(name)) Reflect.defineProperty(property.owner, property.key, property.descriptor)
    else Reflect.deleteProperty(property.owner, property.key)
  }
  return changed
}
