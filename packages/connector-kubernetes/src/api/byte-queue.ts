/** Capacity that is never released. */
const MIN_CAPACITY = 64 * 1024

/** Received bytes that are not parsed yet. */
export interface ByteQueue {
  readonly size: number
  /** Copies a chunk, so that the chunk's own memory can be released. */
  add(chunk: Buffer): void
  text(start: number, end: number): string
  /** Removes bytes from the beginning. */
  drop(end: number): void
  /** Returns the first index of a byte from `start` on, or -1. */
  indexOf(byte: number, start: number): number
  /** Returns the last index of a text before `end`, or -1. */
  lastIndexOf(text: string, end: number): number
}

/** Reuses its memory: a new buffer for every object would cost garbage collection. */
export function createByteQueue(): ByteQueue {
  let bytes = Buffer.allocUnsafeSlow(MIN_CAPACITY)
  let size = 0
  const resize = (length: number): void => {
    const other = Buffer.allocUnsafeSlow(length)
    bytes.copy(other, 0, 0, size)
    bytes = other
  }
  return {
    get size() {
      return size
    },
    add: (chunk) => {
      if (size + chunk.length > bytes.length) resize(2 * (size + chunk.length))
      size += chunk.copy(bytes, size)
    },
    text: (start, end) => bytes.toString('utf8', start, end),
    drop: (end) => {
      bytes.copyWithin(0, end, size)
      size -= end
      if (bytes.length > 16 * MIN_CAPACITY && size < MIN_CAPACITY) resize(MIN_CAPACITY)
    },
    indexOf: (byte, start) => bytes.subarray(0, size).indexOf(byte, start),
    lastIndexOf: (text, end) => bytes.subarray(0, end).lastIndexOf(text),
  }
}
