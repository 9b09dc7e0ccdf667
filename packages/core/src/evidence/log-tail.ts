/** Most bytes of a log that are kept as evidence. */
const MOST = 16_384

/** The last 16 KiB of a text, which is what of a log is kept as evidence; from the beginning of a line on where one begins there. */
export function tailOf(text: string): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= MOST) return text
  const tail = bytes.subarray(bytes.length - MOST)
  // The last line's own end is not the beginning of another.
  const lineFeed = tail.subarray(0, -1).indexOf('\n')
  return (lineFeed === -1 ? tail : tail.subarray(lineFeed + 1)).toString('utf8').replace(/^\uFFFD+/, '')
}
