/** Offset up to which a position is given by line and column, and searched for when V8 does not report it. */
const MAX_SEARCHED_OFFSET = 65_536

/**
 * Describes where `JSON.parse` failed, from its message, which also quotes the text.
 */
export function describePosition(text: string, message: string): string {
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
