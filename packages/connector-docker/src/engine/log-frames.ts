/** Bytes: the stream (0–2), three zeroes, and the length of the payload (Docker Engine API, “Stream format”). */
const HEADER_LENGTH = 8

/** Bytes of a line feed. */
const LINE_FEED = 10

/**
 * Returns the text of a log. The engine frames stdout and stderr, but sends the bytes of a TTY as they are. Log drivers
 * cut long lines into several frames, between which the other stream may write: they become one line again.
 */
export function demultiplex(answer: Buffer): string {
  /** Lines in the order of their last frames. */
  const lines: Buffer[][] = []
  /** Positions of lines that have not ended, by stream. */
  const unended = new Map<number, number>()
  let position = 0
  while (position < answer.length) {
    if (!isHeader(answer, position)) return answer.toString('utf8')
    const end = position + HEADER_LENGTH + answer.readUInt32BE(position + 4)
    const stream = answer.readUInt8(position)
    const payload = answer.subarray(position + HEADER_LENGTH, end)
    const begun = unended.get(stream)
    const line = (begun === undefined ? undefined : lines[begun]) ?? []
    if (begun !== undefined) lines[begun] = []
    line.push(payload)
    lines.push(line)
    if (payload.at(-1) === LINE_FEED) unended.delete(stream)
    else unended.set(stream, lines.length - 1)
    position = end
  }
  return Buffer.concat(lines.flat()).toString('utf8')
}

/** Returns the length of the whole frames at the beginning of a log that is still arriving; all of a TTY's log. */
export function wholeFramesLength(bytes: Buffer): number {
  let position = 0
  while (position + HEADER_LENGTH <= bytes.length) {
    if (!isHeader(bytes, position)) return bytes.length
    const end = position + HEADER_LENGTH + bytes.readUInt32BE(position + 4)
    if (end > bytes.length) return position
    position = end
  }
  const isHeaderStart = bytes
    .subarray(position, position + 4)
    .every((byte, index) => (index === 0 ? byte <= 2 : byte === 0))
  return isHeaderStart ? position : bytes.length
}

function isHeader(bytes: Buffer, at: number): boolean {
  return (
    at + HEADER_LENGTH <= bytes.length &&
    bytes.readUInt8(at) <= 2 &&
    bytes[at + 1] === 0 &&
    bytes[at + 2] === 0 &&
    bytes[at + 3] === 0
  )
}
