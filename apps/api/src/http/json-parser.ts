import { findUnstorableNames, isTooDeep, MAX_DEPTH } from './json-shape.ts'
import { invalid, ProblemError } from './problem-error.ts'

/**
 * Parses a JSON body. An empty body becomes `undefined`; the route's schema allows or refuses it.
 *
 * @throws {ProblemError} 400 with the position of a syntax error, without quoting the text, or for a body that is
 * nested too deeply; 422 for names that cannot be stored unchanged.
 */
export function parseJsonBody(text: string): unknown {
  if (text === '') return undefined
  if (isTooDeep(text))
    throw new ProblemError(400, `The body nests arrays and objects more than ${MAX_DEPTH} levels deep.`)
  const value = parse(text)
  const unstorable = findUnstorableNames(text, value)
  if (unstorable.length > 0) throw invalid(unstorable)
  return value
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw new ProblemError(400, `The body is not valid JSON${describePosition(text, (error as Error).message)}.`)
  }
}

/** Offset up to which a position is given by line and column, and searched for when V8 does not report it. */
const MAX_SEARCHED_OFFSET = 65_536

function describePosition(text: string, message: string): string {
  if (message.includes('end of JSON')) return ': it is incomplete'
  const reported = /at position (\d+)/.exec(message)?.[1]
  const position = reported === undefined ? findUnexpectedToken(text) : Number(reported)
  if (position === undefined) return ''
  if (position > MAX_SEARCHED_OFFSET) return `: position ${position} is unexpected`
  let [line, start] = [1, 0]
  for (let next = text.indexOf('\n'); next !== -1 && next < position; next = text.indexOf('\n', start)) {
    line += 1
    start = next + 1
  }
  return `: line ${line}, column ${position - start + 1} (position ${position}) is unexpected`
}

/** Finds a token that V8 quotes without its position: the end of the shortest prefix with the same error. */
function findUnexpectedToken(text: string): number | undefined {
  if (text.length > MAX_SEARCHED_OFFSET) return undefined
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
