import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { startPlatform } from '../../test/platform.ts'

const script = fileURLToPath(new URL('../../test/start-and-stop.ts', import.meta.url))

test.each(['obedient', 'hanging'])(
  'the process ends by itself once its agent has stopped (%s connector)',
  async (mode) => {
    const platform = await startPlatform()
    const run = promisify(execFile)
    const { stdout, stderr } = await run(process.execPath, [script, platform.url, mode], { timeout: 80_000 })
    expect(stdout.trim()).toBe('"stopped"')
    expect(stderr).toBe('')
    expect(platform.reports().length).toBeGreaterThan(0)
    expect(platform.violations).toEqual([])
  },
  90_000,
)
