import { hostname } from 'node:os'
import ky from 'ky'
import { describe, expect, it } from 'vitest'
import { eventually, startProgram } from './processes.ts'

const here = new URL('..', import.meta.url).pathname
const start = (...words: string[]) =>
  startProgram(process.execPath, ['--conditions=@rca/source', 'src/main.ts', ...words], { cwd: here })

describe('the example', () => {
  it('shows types, commands and live numbers of this machine, and ends by itself', async () => {
    const program = start()
    expect(await program.ended).toBe(0)
    const text = program.stdout()
    expect(text).toMatch(/server\s+│ Install on Linux, macOS, or Windows server/)
    expect(text).toMatch(/--agent-token agent_example-server_[\w-]{43}/)
    expect(text).toMatch(new RegExp(`example-server\\s+│ server\\s+│ ${hostname()}\\s+│ online`))
    expect(text).toMatch(/system\.cpu\.utilization\s+│[^│]*│ [\d.]+ %/)
    expect(text).toMatch(/system\.memory\.limit\s+│[^│]*│ [\d.]+ [GT]iB/)
    expect(program.stderr()).toBe('')
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
