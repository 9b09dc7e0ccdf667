import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { temporaryDirectory } from '../../test/fakes.ts'
import { renderEnvironmentFile } from './environment-file.ts'
import { runConfigured } from './run-configured.ts'

/** Writes its arguments and its token into the folder that it gets as its state. */
const PROGRAM = `require('node:fs').writeFileSync(process.env.RCA_STATE_DIR + '/seen', process.argv.slice(1) + ' ' + process.env.AGENT_TOKEN)`

function configuredFolder(): string {
  const folder = temporaryDirectory()
  const variables = { RCA_STATE_DIR: folder, AGENT_TOKEN: 'a "quoted" $token' }
  writeFileSync(join(folder, 'agent.env'), renderEnvironmentFile(variables))
  return folder
}

describe('runConfigured', () => {
  test('runs the agent with the environment of the folder, and returns its exit code', async () => {
    const folder = configuredFolder()
    expect(await runConfigured(folder, [process.execPath, '-e', `${PROGRAM}; process.exit(7)`])).toBe(7)
    expect(readFileSync(join(folder, 'seen'), 'utf8')).toBe('run a "quoted" $token')
  })

  test('passes SIGTERM on, and waits until the agent has ended', async () => {
    const folder = configuredFolder()
    const agent = `process.on('SIGTERM', () => process.exit(5)); setInterval(() => 0, 1000); ${PROGRAM}`
    const module = new URL('run-configured.ts', import.meta.url).href
    const script = `import { runConfigured } from '${module}'
      process.exitCode = await runConfigured(${JSON.stringify(folder)}, [process.execPath, '-e', ${JSON.stringify(agent)}])`
    const words = ['--conditions=@rca/source', '--input-type=module', '-e', script]
    const child = spawn(process.execPath, words, { stdio: 'inherit' })
    await vi.waitUntil(() => existsSync(join(folder, 'seen')), { timeout: 50_000 })
    child.kill('SIGTERM')
    expect(await once(child, 'close')).toEqual([5, null])
  })

  test('says what to do when the folder has no configuration', async () => {
    await expect(runConfigured('/missing')).rejects.toThrow(
      /\/missing\/agent\.env.*Name the folder that was given to `rca-agent service configure`/,
    )
  })
})
