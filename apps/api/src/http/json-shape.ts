import { type FieldProblem, MAX_FIELD_PROBLEMS, pointerTo } from './problem-error.ts'

/** Maximum nesting of arrays and objects in a body. A report has eight levels. */
export const MAX_DEPTH = 64

/** Returns true for a text nested too deeply: JSON.parse takes seconds for millions of levels. */
export function isTooDeep(text: string): boolean {
  let depth = 0
  let inString = false
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    if (inString) {
      if (code === BACKSLASH) index += 1
      else if (code === QUOTE) inString = false
    } else if (code === QUOTE) inString = true
    else if (code === OPEN_BRACKET || code === OPEN_BRACE) {
      depth += 1
      if (depth > MAX_DEPTH) return true
    } else if (code === CLOSE_BRACKET || code === CLOSE_BRACE) depth -= 1
  }
  return false
}

const [QUOTE, BACKSLASH, OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [34, 92, 91, 93, 123, 125] as const

/**
 * Finds names and identifiers that cannot be stored unchanged: half of a surrogate pair has no UTF-8 form, and a field
 * `__proto__` is lost when objects are copied. In texts for people, half of a pair becomes U+FFFD.
 *
 * @param text the source of `value`. Without an escape and without `__proto__`, the value is not searched.
 */
export function findUnstorableNames(text: string, value: unknown): FieldProblem[] {
  const found: FieldProblem[] = []
  if (/__proto__|\\u/.test(text)) search(value, [], found)
  return found
}

/** Shares one path for the whole search: a body may contain millions of values. */
function search(value: unknown, path: (string | number)[], found: FieldProblem[]): void {
  if (typeof value === 'string') {
    if (!value.isWellFormed() && isIdentifying(path)) found.push({ pointer: pointerTo(path), detail: ILL_FORMED })
  } else if (Array.isArray(value)) {
    for (let index = 0; index < value.length && found.length < MAX_FIELD_PROBLEMS; index += 1)
      enter(value[index], index, path, found)
  } else if (typeof value === 'object' && value !== null) {
    for (const name of Object.keys(value)) {
      if (found.length >= MAX_FIELD_PROBLEMS) return
      const detail = name === '__proto__' ? 'This name is not allowed.' : name.isWellFormed() ? undefined : ILL_FORMED
      if (detail === undefined) enter((value as Record<string, unknown>)[name], name, path, found)
      else found.push({ pointer: pointerTo([...path, name]), detail })
    }
  }
}

function enter(child: unknown, step: string | number, path: (string | number)[], found: FieldProblem[]): void {
  path.push(step)
  search(child, path, found)
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
