import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { type Agent, CORE_VERSION, type Logger } from '@rca/core'
import type { HealthAddress } from './environment.ts'

/** The agent's health endpoint, for probes on this machine. */
export interface HealthServer {
  /** `http://127.0.0.1:8687/healthz`, or `unix:` and the path of the socket. */
  readonly url: string
  close(): Promise<void>
}

/**
 * Serves the agent's status as JSON at `GET /healthz`: 200 while the agent runs, 503 after it has stopped. An
 * unreachable platform or a failing collector does not make the agent unhealthy: a restart would fix neither. Replaces
 * the socket that an agent left behind.
 *
 * @throws when the port is taken, or the socket cannot be created
 */
export async function startHealthServer(
  agent: Pick<Agent, 'agentType' | 'status'>,
  address: HealthAddress,
  logger: Logger,
): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?', 1)[0]
    if (path !== '/healthz' || (request.method !== 'GET' && request.method !== 'HEAD')) {
      const detail = 'The only resource is GET /healthz'
      response.writeHead(404, { 'content-type': 'application/problem+json' })
      response.end(JSON.stringify({ type: 'about:blank', title: 'Not Found', status: 404, detail }))
      return
    }
    const {
      state,
      connected,
      platformReachable: platform_reachable = null,
      role,
      collectors,
      outbox,
      ...status
    } = agent.status()
    const body = {
      state,
      pid: process.pid,
      agent_type: agent.agentType,
      agent_version: CORE_VERSION,
      connected,
      platform_reachable,
      enrolled: status.enrolled,
      key_expires_at: status.keyExpiresAt,
      // The installer waits for the first acknowledged heartbeat, and prints why there is none.
      heartbeat: {
        acknowledged_at: status.acknowledgedAt,
        error: status.heartbeatFailure?.reason,
        refused_token: status.heartbeatFailure?.refusedToken,
      },
      role,
      collectors,
      outbox,
    }
    const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' }
    response.writeHead(state === 'running' ? 200 : 503, headers).end(JSON.stringify(body))
  })
  if ('port' in address) server.listen(address.port, '127.0.0.1')
  else {
    rmSync(address.socket, { force: true })
    server.listen(address.socket)
  }
  await once(server, 'listening')
  // A connection that cannot be accepted, such as when no file descriptor is free, must not end the agent.
  server.on('error', (error) => logger.warn({ reason: error.message }, 'health endpoint could not accept a connection'))
  const bound = server.address()
  return {
    url: typeof bound === 'string' ? `unix:${bound}` : `http://127.0.0.1:${bound?.port}/healthz`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
