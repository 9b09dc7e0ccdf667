/** An answer with one damaged field. */
export interface Damaged {
  /** Damage, such as `State.Health is null`. */
  readonly name: string
  readonly answer: unknown
}

/** Returns every variant in which one field, at any depth, is missing, null or of another type. */
export function damaged(answer: unknown): Damaged[] {
  return pathsIn(answer).flatMap((path) => [
    { name: `${path.join('.')} is missing`, answer: replaced(answer, path) },
    { name: `${path.join('.')} is null`, answer: replaced(answer, path, { value: null }) },
    { name: `${path.join('.')} is odd`, answer: replaced(answer, path, { value: oddFor(at(answer, path)) }) },
  ])
}

/** Returns the numbers in a value by path. */
export function numbersIn(value: unknown): ReadonlyMap<string, number> {
  return new Map(
    pathsIn(value).flatMap((path) => {
      const found = at(value, path)
      return typeof found === 'number' ? [[path.join('.'), found] as const] : []
    }),
  )
}

type Path = readonly string[]

function pathsIn(value: unknown, before: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => [[...before, key], ...pathsIn(inner, [...before, key])])
}

function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<string, unknown>)[key], value)
}

/** Returns a copy. Without a replacement, removes the field, or sets a list element to `undefined`. */
function replaced(value: unknown, [key, ...path]: Path, replacement?: { readonly value: unknown }): unknown {
  if (key === undefined) return replacement?.value
  const copy: Record<string, unknown> = { ...(value as Record<string, unknown>) }
  if (path.length === 0 && replacement === undefined) delete copy[key]
  else copy[key] = replaced(copy[key], path, replacement)
  return Array.isArray(value) ? value.map((_element, index) => copy[index]) : copy
}

function oddFor(value: unknown): unknown {
  return typeof value === 'string' ? { odd: true } : 'odd'
}
