import { execFile } from 'node:child_process'
import type { JsonSchema } from '@rca/core'
import { configJsonSchema, resolveReference } from '@rca/core/testing'
import type { CheckDefinition, Subject } from '../subject.ts'
import { requiredOptions } from './configuration.ts'
import { commandsOf } from './deployment.ts'
import { isPowerShellCode } from './powershell-code.ts'

/** Output of a shell that runs a part of a hostile value. The sum is not in the value. */
const EVIDENCE = 'INJECTED-42'

/** Values that make a shell print the evidence where they are not quoted, or quoted in another way. */
const HOSTILE: readonly string[] = ['', "'", '"', '\\'].map(
  (quote) =>
    `a${quote};echo INJECTED-$((40+2));${quote}\necho INJECTED-$((40+2))\n${quote}\${unset_by_test?INJECTED-$((40+2))}${quote}`,
)

/** Name of a command in {@link POWERSHELL_HOSTILE}. */
const POWERSHELL_EVIDENCE = 'Invoke-Injected'

/** Values that PowerShell reads as code in part, where they are not quoted, or quoted in another way. */
const POWERSHELL_HOSTILE: readonly string[] = ['', "'", '\u2019', '"'].map(
  (quote) => `a${quote};${POWERSHELL_EVIDENCE};${quote}$(${POWERSHELL_EVIDENCE})`,
)

/** A shell that can neither write files nor start programs by their path. bash(1), THE RESTRICTED SHELL */
const SHELL = ['/bin/bash', '-r'] as const

/** The `PATH` in which the programs of a command are not found. */
const NOWHERE = '/nonexistent'

const TIMEOUT_MS = 10_000

/** Checks that options cannot run commands on the host. */
export const quotingChecks: readonly CheckDefinition[] = [
  {
    id: 'DEP-quoting',
    title: 'quotes every option in its commands for `sh` and PowerShell',
    reason: 'Anyone who may set an option could run commands as root on the host of the agent.',
    severity: 'error',
    remedy: 'Pass values to `command` or `powershell`, which quote them, and never to a raw fragment.',
    find: async (subject) => {
      const names = textOptions(subject)
      const findings = await powershellFindings(subject, names)
      for (const name of names)
        for (const value of HOSTILE) {
          const found = await runWith(subject, name, value)
          if (found === 'no shell') return findings.length > 0 ? findings : { skipped: 'it needs bash' }
          if (found === 'injected') findings.push(`\`${name}\` runs a command: ${JSON.stringify(value)}`)
        }
      return findings
    },
  },
]

/** Finds values that PowerShell would read as code. Reads its quotes, and starts none: few machines have one. */
async function powershellFindings(subject: Subject, names: readonly string[]): Promise<string[]> {
  const required = (await requiredOptions(subject)) ?? {}
  return names.flatMap((name) =>
    POWERSHELL_HOSTILE.flatMap((value) => {
      const options = [value, [value]].map((given) => ({ ...required, [name]: given }))
      const isCode = commandsOf(subject.connector, options, 'powershell').some((text) =>
        isPowerShellCode(text, POWERSHELL_EVIDENCE),
      )
      return isCode ? [`\`${name}\` runs a command in PowerShell: ${JSON.stringify(value)}`] : []
    }),
  )
}

/** Returns the options that may be texts. */
function textOptions({ connector }: Subject): string[] {
  const schema = configJsonSchema(connector.config)
  const isText = (option: JsonSchema): boolean => {
    const { type, anyOf, items } = option as JsonSchema & { readonly anyOf?: readonly JsonSchema[]; items?: JsonSchema }
    return type === undefined || type === 'string' || anyOf?.some(isText) === true || (items && isText(items)) === true
  }
  return Object.entries(schema.properties ?? {})
    .filter(([, option]) => isText(resolveReference(option, schema)))
    .map(([name]) => name)
}

async function runWith(subject: Subject, name: string, value: string): Promise<'injected' | 'safe' | 'no shell'> {
  const required = (await requiredOptions(subject)) ?? {}
  for (const given of [value, [value]])
    for (const text of commandsOf(subject.connector, [{ ...required, [name]: given }], 'sh')) {
      // Most values are refused by the schema: these commands were not made.
      const output = await outputOf(text)
      if (output === undefined) return 'no shell'
      if (output.includes(EVIDENCE)) return 'injected'
    }
  return 'safe'
}

/** Returns what a restricted shell prints, or `undefined` if there is none. */
function outputOf(text: string): Promise<string | undefined> {
  const [shell, ...options] = SHELL
  return new Promise((resolve) => {
    const child = execFile(
      shell,
      [...options, '-c', text],
      { timeout: TIMEOUT_MS, env: { PATH: NOWHERE } },
      (error, stdout, stderr) =>
        resolve((error as NodeJS.ErrnoException | null)?.code === 'ENOENT' ? undefined : stdout + stderr),
    )
    child.stdin?.end()
  })
}
