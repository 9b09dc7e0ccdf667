import { extname, join, resolve } from 'node:path'
import { configFromEnvironment, type RawConfig } from '@rca/core'
import { CliError } from '../cli-error.ts'
import type { CliCall, CliCommand } from '../command.ts'
import { readConnectorPackage } from '../connector-package.ts'
import { startLiveAgent } from '../live/live-agent.ts'
import { endOfProcess, runOnChange } from '../live/reload.ts'
import { buildPackage } from '../load-package.ts'
import { readRecording } from '../recording/recording.ts'
import { type Replay, startReplay } from '../recording/replay.ts'

/** Runs collectors and watchers, shows what each report changes, and starts again when a source is saved. */
export const dev: CliCommand = {
  summary: 'runs collectors and watchers, shows changes, and reloads saved sources',
  usage: '[FILE]',
  flags: {
    once: { type: 'boolean', summary: 'ends after the first report' },
    'no-reload': { type: 'boolean', summary: 'does not start again when a source is saved' },
  },
  run: async (call) => {
    const { folder, flags, words, print } = call
    if (words.length > 1)
      throw new CliError('name at most one recording: rca-connector dev [FILE]. Options are environment variables.')
    const { folder: home } = await readConnectorPackage(folder)
    const end = endOfProcess()
    try {
      if (flags.once === true || flags['no-reload'] === true) return await runOnce(call, end.signal)
      await runOnChange({
        sources: join(home, 'src'),
        module: join(import.meta.dirname, `../main${extname(import.meta.filename)}`),
        words: ['dev', '--no-reload', ...words],
        folder: home,
        print,
        signal: end.signal,
      })
      return 0
    } finally {
      end.dispose()
    }
  },
}

/** Runs until the signal aborts, or with `--once` until the first report. Returns the exit code. */
async function runOnce({ folder, flags, words: [file], print }: CliCall, signal: AbortSignal): Promise<number> {
  const recording = file === undefined ? undefined : await readRecording(resolve(folder, file))
  const { connector } = await buildPackage(await readConnectorPackage(folder))
  if (signal.aborted) return 0
  const config: RawConfig = recording?.options ?? configFromEnvironment(connector, process.env)
  let replay: Replay | undefined
  try {
    const agent = await startLiveAgent({
      connector,
      config,
      print,
      signal,
      needsConnection: flags.once === true,
      onPlatform: async (url) => {
        if (recording !== undefined) replay = await startReplay(recording, { except: url })
      },
    })
    await agent.printReports(signal, flags.once === true).finally(() => agent.stop())
    return 0
  } finally {
    replay?.stop()
  }
}
