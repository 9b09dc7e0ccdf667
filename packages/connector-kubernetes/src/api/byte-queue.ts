/** Capacity that is never released. */
const MIN_CAPACITY = 64 * 1024

/** Holds received bytes that are not parsed yet. Reuses its memory: new buffers would cost garbage collection. */
export function createByteQueue() {
  let bytes = Buffer.allocUnsafeSlow(MIN_CAPACITY)
  let size = 0
  const resize = (length: number): void => {
    const other = Buffer.allocUnsafeSlow(length)
    bytes.copy(other, 0, 0, size)
    bytes = other
  }
  return {
    get size(): number {
      return size
    },
    /** Copies a chunk, so that the chunk's own memory can be released. */
    add: (chunk: Buffer): void => {
      if (size + chunk.length > bytes.length) resize(2 * (size + chunk.length))
      size += chunk.copy(bytes, size)
    },
    text: (start: number, end: number): string => bytes.toString('utf8', start, end),
    /** Removes bytes from the beginning. */
    drop: (end: number): void => {
      bytes.copyWithin(0, end, size)
      size -= end
      if (bytes.length > 16 * MIN_CAPACITY && size < MIN_CAPACITY) resize(MIN_CAPACITY)
    },
    indexOf: (byte: number, start: number): number => bytes.subarray(0, size).indexOf(byte, start),
    /** Returns the last index of a text before `end`, or -1. */
    lastIndexOf: (text: string, end: number): number => bytes.subarray(0, end).lastIndexOf(text),
  }
}
