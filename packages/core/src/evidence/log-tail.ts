const MAX_LOG_BYTES = 16_384

/** Characters of a log's end that are redacted. At least 16 KiB of them remain. */
const MAX_REDACTED_LENGTH = 65_536

export interface LogTailOptions {
  /** Number of lines to return. The text has to be requested with one line more, which may be cut at its beginning. */
  readonly lines?: number
  /** Removes secrets, before the log is cut: half a secret is one too. */
  readonly redact?: (text: string) => string
}

/**
 * Returns at most the last 16 KiB of a log, beginning with a complete line unless the lines are so long that half of
 * it would be lost: runtimes also break lines of more than 16 KiB.
 */
export function tailOf(text: string, { lines = Number.POSITIVE_INFINITY, redact }: LogTailOptions = {}): string {
  if (redact === undefined) return lastBytes(withoutCutLine(text, lines))
  return lastBytes(redact(endOf(withoutCutLine(text, lines))))
}

/** Cuts a long log at a line or a space, because redaction of a whole log would block the event loop. */
function endOf(log: string): string {
  if (log.length <= MAX_REDACTED_LENGTH) return log
  const end = log.slice(-MAX_REDACTED_LENGTH)
  const lineFeed = end.indexOf('\n')
  const isNear = lineFeed !== -1 && lineFeed < MAX_REDACTED_LENGTH / 2
  return end.slice((isNear ? lineFeed : end.search(/\s/)) + 1)
}

function lastBytes(text: string): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= MAX_LOG_BYTES) return text
  const tail = bytes.subarray(bytes.length - MAX_LOG_BYTES)
  const lineFeed = tail.indexOf('\n')
  const isNear = lineFeed !== -1 && lineFeed < MAX_LOG_BYTES / 2
  return (isNear ? tail.subarray(lineFeed + 1) : tail).toString('utf8').replace(/^\uFFFD+/, '')
}

/** Log drivers and runtimes cut longer lines into several records, and count these as lines. */
const MAX_RECORD_LENGTH = 16_384

/**
 * Returns at most the last lines of a log. Leaves out the line before them, whose beginning may be missing: it may hold
 * a secret without its name.
 */
function withoutCutLine(text: string, lines: number): string {
  const end = text.endsWith('\n') ? text.length - 1 : text.length
  if (lines === Number.POSITIVE_INFINITY) return text
  let [records, position] = [0, 0]
  while (position <= end) {
    const lineFeed = text.indexOf('\n', position)
    const lineEnd = lineFeed === -1 ? text.length : lineFeed
    const length = lineEnd - position
    records += length * 3 < MAX_RECORD_LENGTH ? 1 : recordsOf(text.slice(position, lineEnd))
    if (records > lines) {
      const first = text.indexOf('\n')
      if (first !== -1 && first < end) return text.slice(first + 1)
      const space = text.search(/\s/)
      return space === -1 ? '' : text.slice(space + 1)
    }
    position = lineEnd + 1
  }
  return text
}

function recordsOf(line: string): number {
  return Math.max(1, Math.ceil((Buffer.byteLength(line) + 1) / MAX_RECORD_LENGTH))
}
