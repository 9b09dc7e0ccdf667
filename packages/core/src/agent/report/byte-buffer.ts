const INITIAL_BYTES = 16_384

/** Memory that `clear` keeps for the next use. */
const MAX_KEPT_BYTES = 8 * 1024 * 1024

/** Length above which a text's size in UTF-8 is computed instead of estimated. */
const MAX_ESTIMATED_LENGTH = 16_384

/** Creates a growable buffer that reuses its memory. */
export function createByteBuffer() {
  let bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES)
  let length = 0

  const reserve = (size: number): void => {
    if (length + size <= bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(bytes.length * 2, length + size))
    bytes.copy(larger, 0, 0, length)
    bytes = larger
  }
  return {
    /** Appends text as UTF-8, or bytes. */
    write: (data: string | Uint8Array): void => {
      if (typeof data === 'string') {
        // A UTF-16 code unit takes at most 3 bytes in UTF-8.
        reserve(data.length > MAX_ESTIMATED_LENGTH ? Buffer.byteLength(data) : data.length * 3)
        length += bytes.write(data, length)
      } else {
        reserve(data.length)
        bytes.set(data, length)
        length += data.length
      }
    },
    length: () => length,
    /** Returns a view of the content, valid until the next write. */
    content: (): Uint8Array => bytes.subarray(0, length),
    clear: (): void => {
      length = 0
      if (bytes.length > MAX_KEPT_BYTES) bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES)
    },
  }
}
