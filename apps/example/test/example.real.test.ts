import { hostname } from 'node:os'
import { BUSYBOX_IMAGE, docker, findEngine, testRun } from '@rca/rig'
import { realTest } from '@rca/rig/real'
import ky from 'ky'
import { describe, expect, it } from 'vitest'
import { eventually, startProgram } from './processes.ts'

const here = new URL('..', import.meta.url).pathname
const words = ['--conditions=@rca/source', 'src/main.ts']
const start = (...more: string[]) => startProgram(process.execPath, [...words, ...more], { cwd: here })
const engine = await findEngine(testRun())

describe('the example', () => {
  it('shows types, commands and live numbers of this machine, and ends by itself', async () => {
    const program = start()
    expect(await program.ended).toBe(0)
    const text = program.stdout()
    expect(text).toMatch(/server\s+│ Install on Linux, macOS, or Windows server/)
    expect(text).toMatch(/--agent-token agent_example-server_[\w-]{43}/)
    expect(text).toMatch(new RegExp(`example-server\\s+│ server\\s+│ ${hostname()}\\s+│ online`))
    expect(text).toMatch(/system\.cpu\.utilization\s+│[^│]*│[^│]*│ [\d.]+ %/)
    expect(text).toMatch(/system\.memory\.limit\s+│[^│]*│[^│]*│ [\d.]+ [GT]iB/)
    expect(program.stderr()).toBe('')
  })

  realTest('shows the containers of this machine beside it', engine.missing === undefined, async () => {
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

  it('stays with --keep: its URLs answer until it is stopped', async () => {
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
