import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import {
  type Connector,
  configFromEnvironment,
  duration,
  type RawConfig,
  secretOptionNames,
  toMilliseconds,
} from '@rca/core'
import { CliError } from '../cli-error.ts'
import type { CliCall, CliCommand } from '../command.ts'
import { readConnectorPackage } from '../connector-package.ts'
import { startLiveAgent } from '../live/live-agent.ts'
import { buildPackage } from '../load-package.ts'
import { observe, summaryOf } from '../observe.ts'
import { type Recorder, startRecorder } from '../recording/record.ts'
import type { Exchange } from '../recording/recording.ts'
import { redactRecording } from '../recording/redact-recording.ts'

/** Runs the connector against the real system, and writes its requests and their answers, without secrets. */
export const record: CliCommand = {
  summary: 'records HTTP requests, without secrets',
  usage: 'FILE',
  flags: {
    rounds: { type: 'string', summary: 'how often the collectors run (default: 1)' },
    watch: { type: 'string', summary: 'runs collectors and watchers for a time, such as 2m, in place of --rounds' },
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
    const watchMs = flags.watch === undefined ? undefined : parseDuration(String(flags.watch))
    const renames = new Map(((flags.rename ?? []) as readonly string[]).map(parseRename))
    const { connector } = await buildPackage(await readConnectorPackage(folder))
    const config = configFromEnvironment(connector, process.env)
    const secretNames = secretOptionNames(connector, config)

    const at = new Date().toISOString()
    const exchanges =
      watchMs === undefined
        ? await recordRounds(connector, config, rounds, print)
        : await recordLive(connector, config, watchMs, print)
    if (exchanges.length === 0)
      throw new CliError(
        `nothing was recorded: ${connector.type} made no HTTP request. Recordings hold HTTP and HTTPS alone. Check a client of another protocol against a fake server, as in test/scenarios.ts.`,
      )
    const secrets = secretNames.map((name) => String(config[name]))
    const recording = redactRecording({ format: 1, at, options: textsOf(config), exchanges }, { secrets, renames })
    const path = resolve(folder, file)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, `${JSON.stringify(recording, undefined, 2)}\n`)
    print(`Wrote ${exchanges.length} answers into ${file}. Read it before you commit it.`)
    return 0
  },
}

async function recordRounds(
  connector: Connector,
  config: RawConfig,
  rounds: number,
  print: CliCall['print'],
): Promise<Exchange[]> {
  const recorder = await startRecorder()
  const observed = await observe(connector, config, rounds).finally(() => recorder.stop())
  for (const line of summaryOf(observed)) print(line)
  return recorder.exchanges()
}

/** Records collectors and watchers as an agent runs them. Streams that are open at the end stay so in a replay. */
async function recordLive(
  connector: Connector,
  config: RawConfig,
  durationMs: number,
  print: CliCall['print'],
): Promise<Exchange[]> {
  let recorder: Recorder | undefined
  try {
    const agent = await startLiveAgent({
      connector,
      config,
      print,
      needsConnection: true,
      onPlatform: async (url) => {
        recorder = await startRecorder({ except: url })
      },
    })
    try {
      await agent.printReports(AbortSignal.timeout(durationMs))
      await recorder?.keepOpenAnswers()
    } finally {
      await agent.stop()
    }
  } finally {
    recorder?.stop()
  }
  return (await recorder?.exchanges()) ?? []
}

function parseDuration(text: string): number {
  const parsed = duration().safeParse(text)
  if (!parsed.success) throw new CliError(`--watch must be a time such as 30s or 2m, got \`${text}\``)
  return toMilliseconds(parsed.data)
}

function parseRename(text: string): [name: string, alias: string] {
  const [, name, alias] = /^(.+?)=(.+)$/.exec(text) ?? []
  if (name === undefined || alias === undefined) throw new CliError(`--rename must be NAME=OTHER, got \`${text}\``)
  return [name, alias]
}

function textsOf(config: RawConfig): Record<string, string> {
  return Object.fromEntries(Object.entries(config).map(([name, value]) => [name, String(value)]))
}
