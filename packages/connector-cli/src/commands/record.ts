import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { configFromEnvironment, type RawConfig, secretOptionNames } from '@rca/core'
import { CliError } from '../cli-error.ts'
import type { CliCommand } from '../command.ts'
import { readConnectorPackage } from '../connector-package.ts'
import { buildPackage } from '../load-package.ts'
import { observe, summaryOf } from '../observe.ts'
import { startRecorder } from '../recording/record.ts'
import { redactRecording } from '../recording/redact-recording.ts'

/** Runs the collectors against the real system, and writes their requests and the answers, without secrets. */
export const record: CliCommand = {
  summary: 'records the HTTP requests of the collectors, without secrets',
  usage: 'FILE',
  flags: {
    rounds: { type: 'string', summary: 'how often the collectors run (default: 1)' },
    rename: { type: 'string', multiple: true, summary: 'NAME=OTHER: replaces a name everywhere; may be repeated' },
  },
  run: async ({ folder, flags, words, print }) => {
    const [file] = words
    if (file === undefined || words.length > 1)
      throw new CliError(
        'name one file for the recording: rca-connector record FILE. Options are environment variables.',
      )
    const rounds = Number(flags.rounds ?? 1)
    if (!Number.isInteger(rounds) || rounds < 1 || rounds > 1000)
      throw new CliError(`--rounds must be a whole number from 1 to 1000, got ${JSON.stringify(flags.rounds)}`)
    const renames = new Map(((flags.rename ?? []) as readonly string[]).map(parseRename))
    const { connector } = await buildPackage(await readConnectorPackage(folder))
    const config = configFromEnvironment(connector, process.env)
    const secretNames = secretOptionNames(connector, config)

    const at = new Date().toISOString()
    const recorder = await startRecorder()
    const observed = await observe(connector, config, rounds).finally(() => recorder.stop())
    const exchanges = await recorder.exchanges()
    if (exchanges.length === 0)
      throw new CliError(
        `nothing was recorded: ${connector.type} made no HTTP request. Recordings hold HTTP and HTTPS alone. Check a client of another protocol against a fake server, as in test/scenarios.ts.`,
      )
    const secrets = secretNames.map((name) => String(config[name]))
    const recording = redactRecording({ format: 1, at, options: textsOf(config), exchanges }, { secrets, renames })
    const path = resolve(folder, file)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, `${JSON.stringify(recording, undefined, 2)}\n`)
    for (const line of summaryOf(observed)) print(line)
    print(`Wrote ${exchanges.length} answers into ${file}. Read it before you commit it.`)
    return 0
  },
}

function parseRename(text: string): [name: string, alias: string] {
  const [, name, alias] = /^(.+?)=(.+)$/.exec(text) ?? []
  if (name === undefined || alias === undefined) throw new CliError(`--rename must be NAME=OTHER, got \`${text}\``)
  return [name, alias]
}

function textsOf(config: RawConfig): Record<string, string> {
  return Object.fromEntries(Object.entries(config).map(([name, value]) => [name, String(value)]))
}
