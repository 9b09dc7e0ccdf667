/** Bytes that are kept in any case. */
const KEPT = 64 * 1024

/** Bytes that arrived and are not read yet. */
export interface HeldBytes {
  readonly size: number
  /** Copies a chunk, so that the memory it came in is free again. */
  add(chunk: Buffer): void
  /** Some of them, as text. */
  text(start: number, end: number): string
  /** Forgets the first so many bytes. */
  drop(end: number): void
  /** Where a byte stands first, from `start` on; -1 where it does not. */
  indexOf(byte: number, start: number): number
  /** Where a text begins last, before `end`; -1 where it does not. */
  lastIndexOf(text: string, end: number): number
}

/** Uses its memory again and again: a new piece of it for every object would be work for the garbage collector. */
export function holdBytes(): HeldBytes {
  let bytes = Buffer.allocUnsafeSlow(KEPT)
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
      if (bytes.length > 16 * KEPT && size < KEPT) resize(KEPT)
    },
    indexOf: (byte, start) => bytes.subarray(0, size).indexOf(byte, start),
    lastIndexOf: (text, end) => bytes.subarray(0, end).lastIndexOf(text),
  }
}
