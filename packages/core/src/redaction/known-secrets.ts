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
  const forms = writtenForms(values)
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
