import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { Server } from 'node:http'
import { join } from 'node:path'
import type { AgentStatus, Logger } from '@rca/core'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { temporaryDirectory } from '../test/fakes.ts'
import type { HealthAddress } from './environment.ts'
import { type HealthServer, startHealthServer } from './health-server.ts'

const running: AgentStatus = {
  state: 'running',
  connected: false,
  platformReachable: false,
  enrolled: true,
  keyExpiresAt: '2026-12-22T12:00:00.000Z',
  collectors: { memory: { ok: false, duration_ms: 1, error: 'no /proc/meminfo' } },
  outbox: { reports: 2, bytes: 10, dropped: 0 },
}

/** Starts the health server of a server agent for one test. */
async function startServer(
  status: () => AgentStatus = () => running,
  address: HealthAddress = { port: 0 },
  warn: Logger['warn'] = () => undefined,
): Promise<HealthServer> {
  const logger = { debug: () => undefined, info: () => undefined, warn, error: () => undefined }
  const server = await startHealthServer({ agentType: 'server', status }, address, logger)
  onTestFinished(() => server.close())
  return server
}

describe('the health endpoint', () => {
  test('answers 200 while the agent runs, even when neither the platform nor the watched infrastructure is reachable', async () => {
    const server = await startServer()
    const response = await fetch(server.url)
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({
      state: 'running',
      agent_type: 'server',
      platform_reachable: false,
      enrolled: true,
      key_expires_at: '2026-12-22T12:00:00.000Z',
      collectors: running.collectors,
    })
  })

  test('has the last accepted heartbeat, and why the last one was not accepted', async () => {
    const acknowledgedAt = new Date('2026-01-01T00:00:00Z')
    const heartbeatFailure = { reason: 'answered 401', refusedToken: true }
    const server = await startServer(() => ({ ...running, acknowledgedAt, heartbeatFailure }))
    expect(await (await fetch(server.url)).json()).toMatchObject({
      pid: process.pid,
      heartbeat: { acknowledged_at: '2026-01-01T00:00:00.000Z', error: 'answered 401', refused_token: true },
    })
  })

  test('answers 503 after the agent has stopped', async () => {
    const server = await startServer(() => ({ ...running, state: 'stopped' }))
    expect((await fetch(server.url)).status).toBe(503)
  })

  test('listens on loopback only, and serves nothing else', async () => {
    const server = await startServer()
    expect(new URL(server.url).hostname).toBe('127.0.0.1')
    expect((await fetch(server.url.replace('/healthz', '/'))).status).toBe(404)
    expect((await fetch(server.url, { method: 'POST' })).status).toBe(404)
  })

  test('rejects when its port is taken', async () => {
    const server = await startServer()
    const { port } = new URL(server.url)
    await expect(startServer(undefined, { port: Number(port) })).rejects.toThrow(/EADDRINUSE/)
  })

  test('goes on when a connection cannot be accepted', async () => {
    const listen = vi.spyOn(Server.prototype, 'listen')
    onTestFinished(() => listen.mockRestore())
    const warn = vi.fn<Logger['warn']>()
    const server = await startServer(undefined, undefined, warn)
    // Node emits this error when the process has no free file descriptor.
    ;(listen.mock.contexts[0] as Server).emit('error', new Error('accept EMFILE'))
    expect(warn.mock.calls).toEqual([[{ reason: 'accept EMFILE' }, 'health endpoint could not accept a connection']])
    expect((await fetch(server.url)).status).toBe(200)
  })

  test('listens on a socket, replaces one that was left behind, and passes the health check of the image', async () => {
    const socket = join(temporaryDirectory(), 'health.sock')
    writeFileSync(socket, '')
    let state: AgentStatus['state'] = 'running'
    const server = await startServer(() => ({ ...running, state }), { socket })
    expect(server.url).toBe(`unix:${socket}`)
    expect(await runHealthcheck(socket)).toEqual({ code: 0, stdout: '' })
    state = 'stopped'
    expect(await runHealthcheck(socket)).toEqual({ code: 1, stdout: '' })
    await server.close()
    expect(await runHealthcheck(socket)).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('does not answer on'),
    })
  })
})

/** Runs the program of the image's HEALTHCHECK. */
async function runHealthcheck(socket: string): Promise<{ code: number; stdout: string }> {
  const program = new URL('healthcheck.ts', import.meta.url).pathname
  return new Promise((resolve) => {
    execFile(process.execPath, [program], { env: { RCA_HEALTH_SOCKET: socket } }, (error, stdout) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout }),
    )
  })
}
