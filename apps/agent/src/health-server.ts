import { rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Agent } from '@rca/core'
import type { HealthAddress } from './environment.ts'

/** The agent's health endpoint, for probes on this machine. */
export interface HealthServer {
  /** `http://127.0.0.1:8687/healthz`, or `unix:` and the path of the socket. */
  readonly url: string
  close(): Promise<void>
}

/**
 * Serves `GET /healthz` on loopback or a Unix socket, with the agent's status as JSON: 200 while the agent runs, 503
 * after it has stopped. An unreachable platform or a failing collector does not make the agent unhealthy: a restart
 * would fix neither.
 *
 * @param address port 0 takes a free port; a socket file that an agent left behind is replaced
 * @throws when the port is taken, or the socket cannot be created
 */
export async function startHealthServer(
  agent: Pick<Agent, 'agentType' | 'status'>,
  address: HealthAddress,
): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?', 1)[0]
    if (path !== '/healthz' || (request.method !== 'GET' && request.method !== 'HEAD')) {
      response.writeHead(404, { 'content-type': 'application/problem+json' })
      response.end(
        JSON.stringify({
          type: 'about:blank',
          title: 'Not Found',
          status: 404,
          detail: 'The only resource is GET /healthz',
        }),
      )
      return
    }
    const { state, connected, platformReachable, role, collectors, outbox } = agent.status()
    response.writeHead(state === 'running' ? 200 : 503, {
      'content-type': 'application/json',
      'cache-control': 'no-store',
    })
    response.end(
      JSON.stringify({
        state,
        agent_type: agent.agentType,
        connected,
        platform_reachable: platformReachable ?? null,
        ...(role === undefined ? {} : { role }),
        collectors,
        outbox,
      }),
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    if ('port' in address) server.listen(address.port, '127.0.0.1', resolve)
    else {
      rmSync(address.socket, { force: true })
      server.listen(address.socket, resolve)
    }
  })
  return {
    url:
      'port' in address
        ? `http://127.0.0.1:${(server.address() as AddressInfo).port}/healthz`
        : `unix:${address.socket}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
