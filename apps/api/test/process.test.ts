import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { agentIdOf, metricOf, reportOf } from './kit.ts'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
let directory = ''
const children: ChildProcess[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rca-api-'))
})

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  rmSync(directory, { recursive: true })
})

function start(environment: Record<string, string> = {}) {
  const variables = {
    PATH: process.env.PATH ?? '',
    // Without it, compiling the sources takes half of the time of a start.
    NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'),
    PORT: '0',
    DATABASE_URL: `sqlite:${join(directory, 'data', 'rca.sqlite')}`,
    ...environment,
  }
  const child = spawn(process.execPath, ['--conditions=@rca/source', main], {
    env: variables,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  const lines: string[] = []
  let errors = ''
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  const exited = once(child, 'exit').then(([code]) => code as number | null)
  return {
    child,
    exited,
    lines,
    errors: () => errors,
    ready: async () => {
      const died = exited.then((code) => {
        throw new Error(`The process ended with ${code}: ${errors}`)
      })
      await Promise.race([died, expect.poll(() => lines.length, { timeout: 110_000 }).toBe(1)])
      return JSON.parse(lines[0] ?? '') as { url: string; docs: string; admin_token?: string }
    },
  }
}

/** Sends a request, again while the API is overloaded by other processes of the machine. */
async function post(url: string, path: string, token: string, body: unknown): Promise<Response> {
  for (;;) {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (response.status !== 503) return response
    await setTimeout(500)
  }
}

/** Parses the JSON of a response. */
async function read<Answer>(response: Promise<Response>): Promise<Answer> {
  return (await (await response).json()) as Answer
}

describe('the process', { timeout: 120_000 }, () => {
  test('prints its address in one line, uses the installed connectors, and stops at SIGTERM', async () => {
    const api = start()
    const { url, docs, admin_token: admin = '' } = await api.ready()
    expect(docs).toBe(`${url}/docs`)
    const types = await read<{ types: string[] }>(
      fetch(`${url}/api/v1/agent/types`, { headers: { authorization: `Bearer ${admin}` } }),
    )
    expect(types.types).toContain('server')
    const created = await read<{
      agent_token: string
      deployment_command: string
      deployment_commands: { windows: string }
      alternatives: { windows: object }
    }>(post(url, '/api/v1/agent/provision', admin, { agent_type: 'server', environment_name: 'here' }))
    expect(created.deployment_command).toContain(url)
    expect(created.alternatives.windows).toMatchObject({
      deployment_command: created.deployment_commands.windows,
      verify_command: expect.stringContaining('Get-Service'),
      uninstall_command: expect.any(String),
      instructions: expect.stringContaining(created.deployment_commands.windows),
    })
    expect(
      (
        await post(url, '/api/v1/agent/data', created.agent_token, {
          reports: [reportOf({ metrics: [metricOf(1)] }, { agent_type: 'server' })],
        })
      ).status,
    ).toBe(202)
    expect(statSync(join(directory, 'data', 'rca.sqlite')).mode & 0o077).toBe(0)
    api.child.kill('SIGTERM')
    expect(await api.exited).toBe(0)
    expect(api.lines).toHaveLength(1)
    expect(api.errors()).not.toContain(admin)
    expect(api.errors()).not.toContain(created.agent_token)
    for (const line of api.errors().trim().split('\n')) expect(() => JSON.parse(line), line).not.toThrow()

    const again = start({ RCA_ADMIN_TOKEN: 'a-token-of-the-operator' })
    const restarted = await again.ready()
    expect(restarted).not.toHaveProperty('admin_token')
    const agents = await read<{ agents: object[] }>(
      fetch(`${restarted.url}/api/v1/agents`, { headers: { authorization: 'Bearer a-token-of-the-operator' } }),
    )
    expect(agents.agents).toMatchObject([{ agent_id: agentIdOf('first'), environment: 'here' }])
    again.child.kill('SIGINT')
    expect(await again.exited).toBe(0)
  })

  test('finishes requests in progress at SIGTERM', async () => {
    const api = start()
    const { url, admin_token: admin = '' } = await api.ready()
    const created = await read<{ agent_token: string }>(
      post(url, '/api/v1/agent/provision', admin, { agent_type: 'server', environment_name: 'here' }),
    )
    const body = JSON.stringify({ reports: [reportOf({}, { agent_type: 'server' })] })
    const { hostname, port } = new URL(url)
    const head = `POST /api/v1/agent/data HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${created.agent_token}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`
    const socket = connect({ host: hostname, port: Number(port) })
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk.toString()
    })
    await once(socket, 'connect')
    socket.write(head + body.slice(0, 100))
    // The process has read the first half once it answers a later request.
    await fetch(`${url}/healthz`)
    api.child.kill('SIGTERM')
    await expect.poll(() => api.errors(), { timeout: 20_000 }).toContain('stopping')
    await expect(fetch(`${url}/healthz`)).rejects.toThrow()
    // A second SIGTERM from a supervisor does not abort accepted requests.
    api.child.kill('SIGTERM')
    await setTimeout(100)
    socket.write(body.slice(100))
    expect(await api.exited).toBe(0)
    expect(answer).toMatch(/^HTTP\/1\.1 202 /)
    expect(answer).toContain('{"accepted":1,"duplicates":0}')
  })

  test('exits with 0 under repeated SIGTERMs', async () => {
    const api = start()
    await api.ready()
    const sending = setInterval(() => api.child.kill('SIGTERM'), 1)
    expect(await api.exited.finally(() => clearInterval(sending))).toBe(0)
  })

  test('stores data in the folder of the user, logs its path, and warns of a misspelt variable', async () => {
    const api = start({ INIT_CWD: directory, DATABASE_URL: 'sqlite:./x.sqlite', RCA_TOKEN_GRASE: '1h' })
    await api.ready()
    expect(statSync(join(directory, 'x.sqlite')).isFile()).toBe(true)
    const log = api
      .errors()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(log).toContainEqual(expect.objectContaining({ level: 30, database: join(directory, 'x.sqlite') }))
    expect(log).toContainEqual(
      expect.objectContaining({
        level: 40,
        variable: 'RCA_TOKEN_GRASE',
        suggestion: 'RCA_TOKEN_GRACE',
      }),
    )
  })

  test.each([
    [{ HOST: '0.0.0.0' }, 2, /`0\.0\.0\.0` requires an admin token. Set `RCA_ADMIN_TOKEN`/],
    [{ HOST: '::', RCA_ADMIN_TOKEN: 'x' }, 2, /requires an admin token that is hard to guess: .* `RCA_ADMIN_TOKEN`/],
    [{ PORT: 'x' }, 2, /`PORT`/],
    [{ DATABASE_URL: 'postgres://u:hunter2@h/d' }, 2, /`DATABASE_URL`/],
    [{ DATABASE_URL: 'sqlite:/proc/no/such' }, 1, /could not be opened.*`DATABASE_URL`/],
    [{ HOST: '192.0.2.1', RCA_ADMIN_TOKEN: 'a-token-of-the-operator' }, 1, /Cannot listen.*`HOST`/],
  ])('exits on %j with code %d', async (environment, code, message) => {
    const api = start(environment)
    expect(await api.exited).toBe(code)
    expect(api.errors()).toMatch(message)
    expect(api.errors()).not.toMatch(/hunter2|\n +at |\.\./)
    expect(api.lines).toEqual([])
  })
})
