import { rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Agent } from '@rca/core'
import type { HealthAddress } from './environment.ts'

/** An endpoint for probes on this machine. */
export interface HealthServer {
  /** `http://127.0.0.1:8687/healthz`, or `unix:` and the socket's path. */
  readonly url: string
  close(): Promise<void>
}

/**
 * Answers `GET /healthz` on loopback or a socket: 200 while the agent runs, 503 when it has stopped, with its status as JSON. An
 * unreachable platform or a failing collector does not make the agent unhealthy: restarting it would mend neither.
 *
 * @param address port 0 stands for a free one; a socket that an agent has left behind is replaced
 * @throws when the port is taken, or the socket cannot be made.
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
        JSON.stringify({ type: 'about:blank', title: 'Not Found', status: 404, detail: 'Only GET /healthz is here' }),
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
