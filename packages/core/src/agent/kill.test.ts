import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { type Platform, problem, startPlatform } from '../../test/platform.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'

const script = fileURLToPath(new URL('../../test/emit-numbers.ts', import.meta.url))

/** Runs the agent that emits numbers, kills it some time after its start, or as soon as `until` resolves. */
async function runAndKill(url: string, directory: string, until: () => Promise<unknown>): Promise<void> {
  const child = spawn(process.execPath, [script, url, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  await once(child.stdout, 'data')
  await until()
  child.kill('SIGKILL')
  await exited
}

const moments = [3, 90, 240, 500]
const numbersIn = (platform: Platform): number[] =>
  platform.reports().flatMap(({ data }) => data.events.map(({ attributes }) => Number(attributes.number)))

describe('an agent with a state directory that is killed', () => {
  test.each([
    ['while the platform is down', false],
    ['while the platform accepts its reports', true],
  ])(
    'loses nothing that a watcher emitted before a saved cursor, %s',
    async (_when, isUp) => {
      const directory = await temporaryDirectory()
      let accepts = isUp
      const platform = await startPlatform(() => (accepts ? undefined : problem(503, 'not now')))
      for (const moment of moments) await runAndKill(platform.url, directory, () => sleep(moment))
      accepts = true
      const before = platform.reports().length
      await runAndKill(platform.url, directory, () =>
        platform.until(() => platform.reports().length > before + 5 && numbersIn(platform).length > 50),
      )
      const numbers = new Set(numbersIn(platform))
      const missing = Array.from({ length: Math.max(...numbers) }, (_none, index) => index + 1).filter(
        (number) => !numbers.has(number),
      )
      expect(missing).toEqual([])
      expect(platform.violations).toEqual([])
      // All of these runs count as one: each went on after the reports that the ones before had left.
      const sequences = platform.reports().map(({ sequence }) => sequence)
      if (!isUp) expect(sequences).toEqual(sequences.map((_sequence, index) => index))
    },
    300_000,
  )
})
