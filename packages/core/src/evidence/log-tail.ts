const MAX_LOG_BYTES = 16_384

/** Returns at most the last 16 KiB of a log, beginning with a complete line if possible. */
export function tailOf(text: string): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= MAX_LOG_BYTES) return text
  const tail = bytes.subarray(bytes.length - MAX_LOG_BYTES)
  // A line feed at the very end begins no other line.
  const lineFeed = tail.subarray(0, -1).indexOf('\n')
  return (lineFeed === -1 ? tail : tail.subarray(lineFeed + 1)).toString('utf8').replace(/^\uFFFD+/, '')
}
