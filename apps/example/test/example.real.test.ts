import { hostname } from 'node:os'
import { stripVTControlCharacters } from 'node:util'
import { BUSYBOX_IMAGE, docker, findEngine, testRun } from '@rca/rig'
import { realTest } from '@rca/rig/real'
import ky from 'ky'
import { describe, expect, test } from 'vitest'
import { runExample } from '../src/example.ts'
import { eventually, startProgram } from './processes.ts'

const here = new URL('..', import.meta.url).pathname
const words = ['--conditions=@rca/source', 'src/main.ts']
const start = (...more: string[]) => startProgram(process.execPath, [...words, ...more], { cwd: here })
const engine = await findEngine(testRun())

describe('the example program', () => {
  test('prints types, commands and live metrics of this machine, in tables of at most 100 columns', async () => {
    const printed: string[] = []
    await runExample({ environment: {}, print: (text) => printed.push(text) })
    const text = stripVTControlCharacters(printed.join('\n'))
    expect(text).toMatch(/server\s+│ Install on Linux, macOS, or Windows server/)
    expect(text).toMatch(/--agent-token agent_example-server_[\w-]{43}/)
    expect(text).toMatch(new RegExp(`example-server\\s+│ server\\s+│ ${hostname()}\\s+│ online`))
    expect(text).toMatch(/system\.cpu\.utilization\s+│[^│]*│[^│]*│ [\d.]+ %/)
    expect(text).toMatch(/system\.memory\.limit\s+│[^│]*│[^│]*│ [\d.]+ [GT]iB/)
    const tooWide = text.split('\n').filter((line) => /^[┌├└│]/.test(line) && line.length > 100)
    expect(tooWide).toEqual([])
  })

  test('prints to standard output alone, and exits with 0', async () => {
    const program = start()
    expect(await program.ended).toBe(0)
    expect(program.stdout()).toMatch(/system\.cpu\.utilization\s+│[^│]*│[^│]*│ [\d.]+ %/)
    expect(program.stderr()).toBe('')
  })

  realTest('prints the containers of this machine beside the host', engine.missing === undefined, async () => {
    const { dockerHost } = engine
    const name = `rca-example-${process.pid}`
    await docker(dockerHost, ['run', '-d', '--rm', '--name', name, '-m', '48m', BUSYBOX_IMAGE, 'sleep', '600'])
    try {
      const program = startProgram(process.execPath, words, { cwd: here, env: { DOCKER_HOST: dockerHost } })
      expect(await program.ended).toBe(0)
      const text = program.stdout()
      expect(text).toMatch(/example-docker\s+│ docker\s+│ \S+\s+│ online\s+│ healthy/)
      expect(text).toMatch(/example-server\s+│ server\s+│ \S+\s+│ online/)
      expect(text).toMatch(/│ container\s+│ [1-9]\d*\s+│/)
      expect(text).toMatch(/container\.memory\.limit\s+│[^│]*│[^│]*│ [\d.]+ [KMG]iB/)
    } finally {
      await docker(dockerHost, ['rm', '--force', name])
    }
  })

  test('keeps running with --keep: its URLs answer until SIGINT', async () => {
    const program = start('--keep')
    const token = await eventually('the admin token', () => /admin token\s+(\S+)/.exec(program.stdout())?.[1])
    const url = /listens on (\S+)/.exec(program.stdout())?.[1] ?? ''
    const { agents } = await ky
      .get(`${url}/api/v1/agents`, { headers: { authorization: `Bearer ${token}` } })
      .json<{ agents: unknown[] }>()
    expect(agents).not.toHaveLength(0)
    expect((await ky.get(`${url}/docs`)).status).toBe(200)
    expect(await program.stop('SIGINT')).toBe(0)
  })
})
