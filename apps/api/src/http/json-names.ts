import { type FieldProblem, pointerTo } from './problem-error.ts'

const PROTO = Buffer.from('"__proto__"')

/** Returns true for the name `__proto__`, quoted. */
export function isUnstorableKey(body: Uint8Array, start: number, end: number): boolean {
  return end - start === PROTO.length && PROTO.equals(body.subarray(start, end))
}

/**
 * Finds names and identifiers that cannot be stored unchanged: half of a surrogate pair has no UTF-8 form, and a field
 * `__proto__` is lost when objects are copied. In texts for people, half of a pair becomes U+FFFD. Only a body with
 * `__proto__` or an escape `\u` can contain any.
 */
export function findUnstorableNames(
  value: unknown,
  path: readonly (string | number)[],
  maxProblems: number,
): FieldProblem[] {
  const found: FieldProblem[] = []
  search(value, [...path], found, maxProblems)
  return found
}

/** Shares one path for the whole search: a body may contain many values. */
function search(value: unknown, path: (string | number)[], found: FieldProblem[], max: number): void {
  if (typeof value === 'string') {
    if (!value.isWellFormed() && isIdentifying(path)) found.push({ pointer: pointerTo(path), detail: ILL_FORMED })
  } else if (Array.isArray(value)) {
    for (let index = 0; index < value.length && found.length < max; index += 1)
      enter(value[index], index, path, found, max)
  } else if (typeof value === 'object' && value !== null) {
    for (const name of Object.keys(value)) {
      if (found.length >= max) return
      const detail = name === '__proto__' ? 'This name is not allowed.' : name.isWellFormed() ? undefined : ILL_FORMED
      if (detail === undefined) enter((value as Record<string, unknown>)[name], name, path, found, max)
      else found.push({ pointer: pointerTo([...path, name]), detail })
    }
  }
}

function enter(
  child: unknown,
  step: string | number,
  path: (string | number)[],
  found: FieldProblem[],
  max: number,
): void {
  path.push(step)
  search(child, path, found, max)
  path.pop()
}

const ILL_FORMED = 'The text contains half of a surrogate pair, which has no UTF-8 form.'

/** Fields whose values identify an object. */
const IDENTIFYING: ReadonlySet<string> = new Set(['id', 'type', 'scope', 'name', 'unit', 'instance_id'])

/** The name of an entity is a text for people and does not identify it. */
function isIdentifying(path: readonly (string | number)[]): boolean {
  const name = String(path.at(-1))
  return IDENTIFYING.has(name) && !(name === 'name' && path.at(-3) === 'entities') && path.at(-2) !== 'attributes'
}
