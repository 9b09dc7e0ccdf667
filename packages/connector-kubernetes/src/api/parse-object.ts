const [QUOTE, BACKSLASH, OPEN, CLOSE] = [34, 92, 91, 93]

/** As no text can contain it: within one, quotes are escaped. */
const MANAGED_FIELDS = '"managedFields":['

/**
 * Parses an object as the server wrote it, without its `managedFields`: they are half of what it sends, and the half with most
 * objects in it.
 */
export function parseWithoutManagers(text: string): unknown {
  const start = text.indexOf(MANAGED_FIELDS)
  if (start === -1) return JSON.parse(text)
  const list = start + MANAGED_FIELDS.length - 1
  return JSON.parse(`${text.slice(0, list)}[]${text.slice(endOfList(text, list))}`)
}

/** Where the list ends that begins at `start`. */
function endOfList(text: string, start: number): number {
  let depth = 0
  let isText = false
  for (let at = start; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (isText) {
      if (code === BACKSLASH) at += 1
      else if (code === QUOTE) isText = false
    } else if (code === QUOTE) isText = true
    else if (code === OPEN) depth += 1
    else if (code === CLOSE) {
      depth -= 1
      if (depth === 0) return at + 1
    }
  }
  // It broke off: what is left is no JSON either.
  return text.length
}
