/** Longer values are cut, so that every step takes bounded time. */
export const MAX_VALUE_LENGTH = 65_536

/** Part of a value without quotes that shows whether it is a secret: many names may be followed by the same text. */
export const MAX_TOKEN_LENGTH = 2_048

/** Matches a sticky pattern at a position. */
export function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0]
}

const TOKEN = /[^\s"'`<>\0]{0,2048}/y

/** Returns the text up to the next space, quote or angle bracket, or its beginning if it is long. */
export function tokenAt(text: string, start: number): string {
  return matchAt(TOKEN, text, start) ?? ''
}

/** Returns the position of the next space, quote or angle bracket. */
export function tokenEnd(text: string, start: number): number {
  let end = start
  for (let part = tokenAt(text, end); part !== ''; part = tokenAt(text, end)) end += part.length
  return end
}

/** Returns the end of the line. */
export function lineEnd(text: string, from: number): number {
  let end = from
  while (end < text.length && end - from < MAX_VALUE_LENGTH && text[end] !== '\n' && text[end] !== '\r') end++
  return end
}

/** Returns the position of the same quote with the same number of backslashes, or the end of the line. */
export function quotedEnd(text: string, start: number, quote: string): number {
  const [slashes, mark] = [quote.length - 1, quote.slice(-1)]
  let count = 0
  for (let end = start; end < text.length && end - start < MAX_VALUE_LENGTH; end++) {
    const character = text[end]
    if (character === '\n' || character === '\r') return end
    if (character === '\\') {
      count++
      continue
    }
    if (character === mark && (slashes === 0 ? count % 2 === 0 : count <= slashes)) return end - count
    count = 0
  }
  return Math.min(text.length, start + MAX_VALUE_LENGTH)
}

/** Removes characters at the end of a text, in linear time. */
export function trimmedEnd(text: string, characters: string): string {
  let end = text.length
  while (end > 0 && characters.includes(text.charAt(end - 1))) end--
  return text.slice(0, end)
}
