import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Installers, as named in `apps/agent/install` and below `/install`. */
export const INSTALLERS = ['agent.sh', 'agent.ps1', 'agent.rb'] as const

export type Installer = (typeof INSTALLERS)[number]

/** A placeholder in an installer, such as `@VERSION@`. It stands for a whole quoted word. */
const PLACEHOLDER = /@([A-Z][A-Z0-9_]*)@/g

const QUOTES: Readonly<Record<Installer, (text: string) => string>> = {
  // Inside single quotes, only the quote itself is special (POSIX.1-2024, 2.2.2).
  'agent.sh': (text) => `'${text.replaceAll("'", String.raw`'\''`)}'`,
  // PowerShell treats typographic quotes as plain ones.
  'agent.ps1': (text) => `'${text.replaceAll(/['\u2018-\u201B]/g, '$&$&')}'`,
  'agent.rb': (text) => `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`,
}

/** Reads an installer from the folder of the agent's package. */
export function readInstaller(agentFolder: string, installer: Installer): Promise<string> {
  return readFile(join(agentFolder, 'install', installer), 'utf8')
}

/**
 * Replaces the placeholders of an installer by quoted values.
 *
 * @throws {TypeError} for a placeholder without a value, and for a value that cannot be quoted.
 */
export function renderInstaller(
  installer: Installer,
  template: string,
  values: Readonly<Record<string, string>>,
): string {
  return template.replaceAll(PLACEHOLDER, (placeholder, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    if (value === undefined) throw new TypeError(`\`${installer}\` has the unknown placeholder \`${placeholder}\``)
    if (/\p{Cc}/u.test(value)) throw new TypeError(`the value of \`${placeholder}\` contains a control character`)
    return QUOTES[installer](value)
  })
}
