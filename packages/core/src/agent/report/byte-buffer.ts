/** Bytes to which more is added. */
export interface ByteBuffer {
  /** Text as UTF-8, or bytes as they are. */
  write(what: string | Uint8Array): void
  length(): number
  /** What was written, until something else is. */
  written(): Uint8Array
  clear(): void
}

/** Bytes for which there is room from the beginning. */
const LEAST = 16_384

/** Bytes above which room is not kept for the next time. */
const KEPT = 8 * 1024 * 1024

/** Texts of more characters are measured before room is made for them. */
const LONG = 16_384

/** Empty, and as large as it has to be. */
export function createByteBuffer(): ByteBuffer {
  let bytes = Buffer.allocUnsafeSlow(LEAST)
  let length = 0

  const reserve = (most: number): void => {
    if (length + most <= bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(bytes.length * 2, length + most))
    bytes.copy(larger, 0, 0, length)
    bytes = larger
  }
  return {
    write: (what) => {
      if (typeof what === 'string') {
        // A UTF-16 code unit is 3 bytes of UTF-8 at most.
        reserve(what.length > LONG ? Buffer.byteLength(what) : what.length * 3)
        length += bytes.write(what, length)
      } else {
        reserve(what.length)
        bytes.set(what, length)
        length += what.length
      }
    },
    length: () => length,
    written: () => bytes.subarray(0, length),
    clear: () => {
      length = 0
      if (bytes.length > KEPT) bytes = Buffer.allocUnsafeSlow(LEAST)
    },
  }
}
