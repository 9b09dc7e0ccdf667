import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { AgentStatus } from '@rca/core'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { type HealthServer, startHealthServer } from './health-server.ts'

let server: HealthServer | undefined
afterEach(() => server?.close())

const running: AgentStatus = {
  state: 'running',
  connected: false,
  platformReachable: false,
  collectors: { memory: { ok: false, duration_ms: 1, error: 'no /proc/meminfo' } },
  outbox: { reports: 2, bytes: 10, dropped: 0 },
}

describe('the health endpoint', () => {
  it('is healthy while the agent runs, also when neither platform nor client can be reached', async () => {
    server = await startHealthServer({ agentType: 'server', status: () => running }, { port: 0 })
    const response = await fetch(server.url)
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({
      state: 'running',
      agent_type: 'server',
      platform_reachable: false,
      collectors: running.collectors,
    })
  })

  it('is unavailable once the agent has stopped', async () => {
    server = await startHealthServer(
      { agentType: 'server', status: () => ({ ...running, state: 'stopped' }) },
      { port: 0 },
    )
    expect((await fetch(server.url)).status).toBe(503)
  })

  it('listens on loopback only and has nothing else', async () => {
    server = await startHealthServer({ agentType: 'server', status: () => running }, { port: 0 })
    expect(new URL(server.url).hostname).toBe('127.0.0.1')
    expect((await fetch(server.url.replace('/healthz', '/'))).status).toBe(404)
    expect((await fetch(server.url, { method: 'POST' })).status).toBe(404)
  })

  it('says so when its port is taken', async () => {
    server = await startHealthServer({ agentType: 'server', status: () => running }, { port: 0 })
    await expect(
      startHealthServer({ agentType: 'server', status: () => running }, { port: Number(new URL(server.url).port) }),
    ).rejects.toThrow(/EADDRINUSE/)
  })

  it('listens on a socket, also where another agent has left one behind, and the check of the image finds it', async () => {
    const socket = join(mkdtempSync(join(tmpdir(), 'rca-health-')), 'health.sock')
    onTestFinished(() => rmSync(dirname(socket), { recursive: true, force: true }))
    writeFileSync(socket, '')
    let state: AgentStatus['state'] = 'running'
    server = await startHealthServer({ agentType: 'server', status: () => ({ ...running, state }) }, { socket })
    expect(server.url).toBe(`unix:${socket}`)
    expect(await check(socket)).toEqual({ code: 0, stdout: '' })
    state = 'stopped'
    expect(await check(socket)).toEqual({ code: 1, stdout: '' })
    await server.close()
    expect(await check(socket)).toMatchObject({ code: 1, stdout: expect.stringContaining('does not answer on') })
  })
})

/** Runs what the image's HEALTHCHECK runs. */
async function check(socket: string): Promise<{ code: number; stdout: string }> {
  const program = new URL('healthcheck.ts', import.meta.url).pathname
  return new Promise((resolve) => {
    execFile(process.execPath, [program], { env: { RCA_HEALTH_SOCKET: socket } }, (error, stdout) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout }),
    )
  })
}
