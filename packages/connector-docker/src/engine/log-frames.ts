/** A frame begins with its stream (0–2), three zeroes, and the length of what follows (Docker Engine API, “Stream format”). */
const HEADER = 8

/**
 * The text of a container's log. Without a terminal the engine frames both streams into one; with one it sends the bytes as
 * they are.
 */
export function demultiplex(answer: unknown): string {
  // dockerode parses an answer that happens to be JSON.
  if (!Buffer.isBuffer(answer)) return typeof answer === 'string' ? answer : JSON.stringify(answer)
  const parts: Buffer[] = []
  let position = 0
  while (position < answer.length) {
    if (!isHeader(answer, position)) return answer.toString('utf8')
    const end = position + HEADER + answer.readUInt32BE(position + 4)
    parts.push(answer.subarray(position + HEADER, end))
    position = end
  }
  return Buffer.concat(parts).toString('utf8')
}

function isHeader(bytes: Buffer, at: number): boolean {
  return (
    at + HEADER <= bytes.length &&
    bytes.readUInt8(at) <= 2 &&
    bytes[at + 1] === 0 &&
    bytes[at + 2] === 0 &&
    bytes[at + 3] === 0
  )
}
