import { DEEPEST, findLostNames, isTooDeep } from './json-shape.ts'
import { invalid, ProblemError } from './problem-error.ts'

/**
 * Parses a JSON body. An empty body is `undefined`: the route's schema says whether that is allowed.
 *
 * @throws {ProblemError} 400 that says where the text stops being JSON, without repeating it, or that it is nested too
 * deeply; 422 for names that cannot be stored as they are.
 */
export function parseJsonBody(text: string): unknown {
  if (text === '') return undefined
  if (isTooDeep(text))
    throw new ProblemError(400, `The body nests arrays and objects more than ${DEEPEST} levels deep.`)
  const value = parse(text)
  const lost = findLostNames(text, value)
  if (lost.length > 0) throw invalid(lost)
  return value
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw new ProblemError(400, `The body is not valid JSON${whereIn(text, (error as Error).message)}.`)
  }
}

/** How far into a text a place is named by line and column, and looked for where V8 does not name it. */
const SEARCHED = 65_536

function whereIn(text: string, message: string): string {
  if (message.includes('end of JSON')) return ': it ends too early'
  const named = /at position (\d+)/.exec(message)?.[1]
  const position = named === undefined ? placeOfToken(text) : Number(named)
  if (position === undefined) return ''
  if (position > SEARCHED) return `: position ${position} is unexpected`
  let [line, start] = [1, 0]
  for (let next = text.indexOf('\n'); next !== -1 && next < position; next = text.indexOf('\n', start)) {
    line += 1
    start = next + 1
  }
  return `: line ${line}, column ${position - start + 1} (position ${position}) is unexpected`
}

/** V8 quotes an unexpected token instead of saying where it is. It is the end of the shortest beginning that has the same error. */
function placeOfToken(text: string): number | undefined {
  if (text.length > SEARCHED) return undefined
  let [shortest, longest] = [1, text.length]
  while (shortest < longest) {
    const middle = Math.floor((shortest + longest) / 2)
    if (hasUnexpectedToken(text.slice(0, middle))) longest = middle
    else shortest = middle + 1
  }
  return shortest - 1
}

function hasUnexpectedToken(text: string): boolean {
  try {
    JSON.parse(text)
    return false
  } catch (error) {
    return (error as Error).message.startsWith('Unexpected token')
  }
}
