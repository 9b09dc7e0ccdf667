const MAX_LOG_BYTES = 16_384

/** Returns the last 16 KiB of a log, from the first complete line on if there is one. */
export function tailOf(text: string): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= MAX_LOG_BYTES) return text
  const tail = bytes.subarray(bytes.length - MAX_LOG_BYTES)
  // The last line's own end is not the beginning of another.
  const lineFeed = tail.subarray(0, -1).indexOf('\n')
  return (lineFeed === -1 ? tail : tail.subarray(lineFeed + 1)).toString('utf8').replace(/^\uFFFD+/, '')
}
