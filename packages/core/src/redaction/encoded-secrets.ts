import type { SecretFinder } from './secret-spans.ts'

const RUN = /[A-Za-z0-9+/_-]{16,65536}={0,2}/g
const MIN_RUN_LENGTH = 16
const UPPER_CASE = /[A-Z]/
const LOWER_CASE = /[a-z]/
const PRINTABLE = /^[\t\n\r\x20-\x7e]+$/
/** Characters that are decoded to see whether a run holds text at all. */
const SAMPLE_LENGTH = 24

/** Creates a finder of Base64 whose decoded text holds a secret, according to `containsSecret`. */
export function createEncodedFinder(containsSecret: (decoded: string) => boolean): SecretFinder {
  return (text, add) => {
    if (text.length < MIN_RUN_LENGTH) return
    for (const { 0: run, index } of text.matchAll(RUN)) {
      const decoded = decodedText(run)
      if (decoded !== undefined && (/^[\w.@-]{1,64}:[^\s:/]{4,256}$/.test(decoded) || containsSecret(decoded)))
        add(index, index + run.length)
    }
  }
}

/** Returns the printable text that a run of Base64 stands for. */
function decodedText(run: string): string | undefined {
  // Base64 of a text has letters of both cases.
  if (!UPPER_CASE.test(run) || !LOWER_CASE.test(run)) return undefined
  if (!PRINTABLE.test(Buffer.from(run.slice(0, SAMPLE_LENGTH), 'base64').toString('latin1'))) return undefined
  const decoded = Buffer.from(run, 'base64').toString('latin1')
  return decoded.length >= 8 && PRINTABLE.test(decoded) ? decoded : undefined
}
