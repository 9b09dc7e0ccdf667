import { resolve } from 'node:path'
import { CliError } from '../cli-error.ts'
import type { CliCommand } from '../command.ts'
import { readConnectorPackage } from '../connector-package.ts'
import { buildPackage } from '../load-package.ts'
import { observe, summaryOf } from '../observe.ts'
import { readRecording } from '../recording/recording.ts'
import { startReplay } from '../recording/replay.ts'

/** Runs the collectors against a recording, with injected faults. */
export const replay: CliCommand = {
  summary: 'runs the collectors against a recording, with injected faults',
  usage: 'FILE',
  flags: {
    fault: {
      type: 'string',
      multiple: true,
      summary:
        '401, 403, 429, 500, cut, slow, empty, malformed or half, of all requests; 403@3 of one; 403@/path of some',
    },
  },
  run: async ({ folder, flags, words, print }) => {
    const [file] = words
    if (file === undefined || words.length > 1) throw new CliError('name one recording: rca-connector replay FILE')
    const recording = await readRecording(resolve(folder, file))
    const { connector } = await buildPackage(await readConnectorPackage(folder))
    const running = await startReplay(recording, { faults: (flags.fault ?? []) as readonly string[] })
    const observed = await observe(connector, recording.options).finally(() => running.stop())
    for (const line of summaryOf(observed)) print(line)
    print(`${running.requests.length} requests.`)
    return 0
  },
}
