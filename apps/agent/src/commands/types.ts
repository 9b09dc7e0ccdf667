import { type Registry, toTerminalJson, toTerminalLine } from '@rca/core'
import { EXIT_CODES } from '../exit.ts'
import { print } from '../standard-output.ts'

/** Prints the installed types: one per line, with its package, or as JSON with their options. Returns the exit code. */
export async function types(registry: Registry, { json }: { readonly json: boolean }): Promise<number> {
  const text = json
    ? toTerminalJson({ types: await registry.describe(), problems: registry.problems, warnings: registry.warnings }, 2)
    : registry
        .summaries()
        .map(({ type, description, connector }) =>
          toTerminalLine(
            [type, description, ...(connector ? [`${connector.package}@${connector.version}`] : [])].join('\t'),
          ),
        )
        .join('\n')
  print(`${text}\n`)
  for (const { message } of [...registry.problems, ...registry.warnings])
    process.stderr.write(`${toTerminalLine(message)}
`)
  return EXIT_CODES.ok
}
