import { withoutControlSequences } from './control-sequences.ts'
import { escapePattern, writtenForms } from './secret-replacer.ts'
import type { SecretFinder } from './secret-spans.ts'

/** Shorter values occur in texts by accident. */
const MIN_SECRET_LENGTH = 6

/** Marks that programs append to a text that they cut. */
const CUT_END = /(?:\.{3}|…|\[truncated\])?\s*$/

/** Finds known secrets: as a whole, line by line, encoded, and cut at the beginning or the end of the text. */
export function createKnownFinder(secrets: readonly string[]): SecretFinder {
  const values = [...new Set(secrets.flatMap(searchedValues))]
  const forms = [...new Set([...writtenForms(values), ...values.flatMap(encodedForms)])].sort(
    (left, right) => right.length - left.length,
  )
  if (forms.length === 0) return () => undefined
  const pattern = new RegExp(forms.map(escapePattern).join('|'), 'g')
  return (text, add) => {
    for (const { 0: found, index } of text.matchAll(pattern)) add(index, index + found.length)
    const end = text.length - (CUT_END.exec(text.slice(-64))?.[0].length ?? 0)
    for (const value of values) {
      const atStart = cutLength(value, (length) => text.startsWith(value.slice(-length)))
      if (atStart > 0) add(0, atStart)
      const atEnd = cutLength(value, (length) => text.endsWith(value.slice(0, length), end))
      if (atEnd > 0) add(end - atEnd, end)
    }
  }
}

/** Returns the length of the longest part that is cut, of at least six characters. */
function cutLength(value: string, isCutAt: (length: number) => boolean): number {
  for (let length = Math.min(value.length - 1, 4096); length >= MIN_SECRET_LENGTH; length--)
    if (isCutAt(length)) return length
  return 0
}

/** Returns the texts to search for a secret: the whole secret, with LF and with CR LF, and each of its lines. */
function searchedValues(secret: string): string[] {
  const lines = withoutControlSequences(secret).trim().split(/\r?\n/)
  const values = [lines.join('\n'), lines.join('\r\n'), ...lines.map((line) => line.trim())]
  return values.filter((value) => value.length >= MIN_SECRET_LENGTH)
}

/** Returns the parts of Base64 and the hexadecimal digits that contain the whole secret, wherever it begins. */
function encodedForms(value: string): string[] {
  const bytes = Buffer.from(value)
  const inBase64 = [0, 1, 2].map((offset) => {
    const code = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .replace(/=+$/, '')
    // The first and last characters also depend on the neighbours.
    const isAligned = (offset + bytes.length) % 3 === 0
    return code.slice(offset === 0 ? 0 : offset + 1, isAligned ? undefined : -1)
  })
  const inUrls = inBase64.map((code) => code.replaceAll('+', '-').replaceAll('/', '_'))
  const hex = bytes.toString('hex')
  return [...inBase64, ...inUrls, hex, hex.toUpperCase()].filter((form) => form.length >= MIN_SECRET_LENGTH)
}
