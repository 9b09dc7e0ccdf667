import { ServiceError } from './service-error.ts'

const HEADER = '# Written by `rca-agent service install`, which replaces it. Change options with its `--set`.\n'

/**
 * Writes variables as systemd's `EnvironmentFile=` and a shell's `.` read them: in double quotes, in which a backslash
 * precedes special characters.
 *
 * @throws {ServiceError} for a value that such a file cannot hold
 */
export function renderEnvironmentFile(variables: Readonly<Record<string, string>>): string {
  const lines = Object.entries(variables).map(([name, value]) => {
    if (/\p{Cc}/u.test(value))
      throw new ServiceError('usage', `${name} contains a line break or another control character: remove it`)
    return `${name}="${value.replaceAll(/[\\"$`]/g, '\\$&')}"\n`
  })
  return HEADER + lines.join('')
}

/** Reads a file that `renderEnvironmentFile` wrote. Ignores other lines. */
export function parseEnvironmentFile(text: string): Record<string, string> {
  const lines = text.matchAll(/^([A-Z_][A-Z0-9_]*)="((?:[^"\\]|\\.)*)"$/gm)
  return Object.fromEntries([...lines].map(([, name, value = '']) => [name, value.replaceAll(/\\(.)/g, '$1')]))
}
