import type { AgentStatus } from '@rca/core'
import { afterEach, describe, expect, it } from 'vitest'
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
    server = await startHealthServer({ agentType: 'server', status: () => running }, 0)
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
    server = await startHealthServer({ agentType: 'server', status: () => ({ ...running, state: 'stopped' }) }, 0)
    expect((await fetch(server.url)).status).toBe(503)
  })

  it('listens on loopback only and has nothing else', async () => {
    server = await startHealthServer({ agentType: 'server', status: () => running }, 0)
    expect(new URL(server.url).hostname).toBe('127.0.0.1')
    expect((await fetch(server.url.replace('/healthz', '/'))).status).toBe(404)
    expect((await fetch(server.url, { method: 'POST' })).status).toBe(404)
  })

  it('says so when its port is taken', async () => {
    server = await startHealthServer({ agentType: 'server', status: () => running }, 0)
    await expect(
      startHealthServer({ agentType: 'server', status: () => running }, Number(new URL(server.url).port)),
    ).rejects.toThrow(/EADDRINUSE/)
  })
})
