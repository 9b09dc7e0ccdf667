/** A JSON Pointer (RFC 6901) in its URI fragment form, such as `#/config/log_level`. */
export function pointerTo(path: readonly PropertyKey[]): string {
  return `#${path.map((segment) => `/${encodeSegment(String(segment))}`).join('')}`
}

function encodeSegment(segment: string): string {
  return encodeURIComponent(segment.toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1'))
}
