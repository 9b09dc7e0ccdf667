/** Bytes: the stream (0–2), three zeroes, and the length of the payload (Docker Engine API, “Stream format”). */
const HEADER_LENGTH = 8

/** Returns the text of a log. The engine frames stdout and stderr, but sends the bytes of a TTY as they are. */
export function demultiplex(answer: unknown): string {
  // dockerode parses an answer that is valid JSON.
  if (!Buffer.isBuffer(answer)) return typeof answer === 'string' ? answer : JSON.stringify(answer)
  const parts: Buffer[] = []
  let position = 0
  while (position < answer.length) {
    if (!isHeader(answer, position)) return answer.toString('utf8')
    const end = position + HEADER_LENGTH + answer.readUInt32BE(position + 4)
    parts.push(answer.subarray(position + HEADER_LENGTH, end))
    position = end
  }
  return Buffer.concat(parts).toString('utf8')
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
