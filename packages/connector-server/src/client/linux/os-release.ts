/** Reads os-release(5): `NAME=value` lines, quoted as for a shell. */
export function parseOsRelease(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, name, value] = /^([A-Z][A-Z0-9_]*)=(.*)$/.exec(line.trim()) ?? []
    if (name !== undefined && value !== undefined) values.set(name, unquote(value))
  }
  return values
}

function unquote(value: string): string {
  const quoted = /^(['"])(.*)\1$/.exec(value)?.[2] ?? value
  return quoted.replaceAll(/\\(.)/g, '$1')
}
