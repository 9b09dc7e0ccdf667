import { pointerTo } from './pointer.ts'
import type { FieldProblem } from './problem-error.ts'

/** Levels of arrays and objects in a body. A report has eight. */
export const DEEPEST = 64

/** Most fields that one answer names. */
const SHOWN = 20

/** Whether a text opens more levels than {@link DEEPEST}. JSON.parse takes seconds for millions of them, and this milliseconds. */
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
      if (depth > DEEPEST) return true
    } else if (code === CLOSE_BRACKET || code === CLOSE_BRACE) depth -= 1
  }
  return false
}

const [QUOTE, BACKSLASH, OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [34, 92, 91, 93, 123, 125] as const

/**
 * Names and identifiers that would not be stored as they were sent: halves of surrogate pairs have no UTF-8 form, and a field
 * `__proto__` is lost wherever objects are copied. In texts that people read, a half becomes U+FFFD.
 *
 * @param text what `value` was parsed from: where it holds no escape and no `__proto__`, nothing has to be looked at.
 */
export function findLostNames(text: string, value: unknown): FieldProblem[] {
  const found: FieldProblem[] = []
  if (/__proto__|\\u/.test(text)) look(value, [], found)
  return found
}

/** Paths are built for what is found alone: a body may hold millions of values. */
function look(value: unknown, path: (string | number)[], found: FieldProblem[]): void {
  if (typeof value === 'string') {
    if (!value.isWellFormed() && isIdentifying(path)) found.push({ pointer: pointerTo(path), detail: ILL_FORMED })
  } else if (Array.isArray(value)) {
    for (let index = 0; index < value.length && found.length < SHOWN; index += 1)
      enter(value[index], index, path, found)
  } else if (typeof value === 'object' && value !== null) {
    for (const name of Object.keys(value)) {
      if (found.length >= SHOWN) return
      const lost =
        name === '__proto__' ? 'A field cannot have this name.' : name.isWellFormed() ? undefined : ILL_FORMED
      if (lost === undefined) enter((value as Record<string, unknown>)[name], name, path, found)
      else found.push({ pointer: pointerTo([...path, name]), detail: lost })
    }
  }
}

function enter(child: unknown, step: string | number, path: (string | number)[], found: FieldProblem[]): void {
  path.push(step)
  look(child, path, found)
  path.pop()
}

const ILL_FORMED = 'It holds half of a surrogate pair, which has no UTF-8 form.'

const IDENTIFYING: ReadonlySet<string> = new Set(['id', 'type', 'scope', 'name', 'unit', 'instance_id'])

/** The name of an entity is for people, its id is not. */
function isIdentifying(path: readonly (string | number)[]): boolean {
  const name = String(path.at(-1))
  return IDENTIFYING.has(name) && !(name === 'name' && path.at(-3) === 'entities') && path.at(-2) !== 'attributes'
}
