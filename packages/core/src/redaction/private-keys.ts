import type { SecretFinder } from './secret-spans.ts'

const KEY_BEGIN = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g
const KEY_END = /-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g
const KEY_LINE = /^[ \t|>]{0,8}[A-Za-z0-9+/=]{1,128}[ \t]{0,4}\r?$/

/** Finds private keys as PEM or PGP blocks, also without their beginning or end, as in a part of a log. */
export const findPrivateKeys: SecretFinder = (text, add) => {
  if (!text.includes('PRIVATE KEY')) return
  const ends = [...text.matchAll(KEY_END)].map(({ index, 0: { length } }) => ({ index, end: index + length }))
  let [position, next] = [0, 0]
  for (const { index } of text.matchAll(KEY_BEGIN)) {
    if (index < position) continue
    while (next < ends.length && (ends[next]?.index ?? 0) < index) next++
    const end = ends[next]?.end ?? text.length
    add(index, end)
    position = end
  }
  let previousEnd = 0
  for (const { index } of ends) {
    const start = keyLinesStart(text, index, previousEnd)
    add(start, index - 1)
    previousEnd = index
  }
}

const MAX_KEY_LINE_LENGTH = 144

/** Returns the start of the lines of a key that end at `end`, at `end` if there are none. */
function keyLinesStart(text: string, end: number, previousEnd: number): number {
  let start = end
  while (start > previousEnd && text[start - 1] === '\n') {
    const windowStart = Math.max(0, start - 1 - MAX_KEY_LINE_LENGTH)
    const line = text.slice(windowStart, start - 1)
    const lineStart = windowStart + line.lastIndexOf('\n') + 1
    if (lineStart < previousEnd || !KEY_LINE.test(text.slice(lineStart, start - 1))) break
    start = lineStart
  }
  return start
}
