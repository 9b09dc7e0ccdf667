import { ProblemError } from './problem-error.ts'

/**
 * Parses a JSON body. An empty body is `undefined`: the route's schema says whether that is allowed.
 *
 * @throws {ProblemError} 400 that says where the text stops being JSON, without repeating it.
 */
export function parseJsonBody(text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw new ProblemError(400, `The body is not valid JSON${whereIn(text, (error as Error).message)}.`)
  }
}

/** Longest text in which the place is looked for where V8 does not name it. */
const SEARCHED = 65_536

function whereIn(text: string, message: string): string {
  if (message.includes('end of JSON')) return ': it ends too early'
  const named = /at position (\d+)/.exec(message)?.[1]
  const position = named === undefined ? placeOfToken(text) : Number(named)
  if (position === undefined) return ''
  const before = text.slice(0, position).split('\n')
  return `: line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1} (position ${position}) is unexpected`
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
