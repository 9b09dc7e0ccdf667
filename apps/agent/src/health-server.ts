import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Agent } from '@rca/core'

/** An endpoint for probes on this machine. */
export interface HealthServer {
  readonly url: string
  close(): Promise<void>
}

/**
 * Answers `GET /healthz` on loopback: 200 while the agent runs, 503 when it has stopped, with its status as JSON. An
 * unreachable platform or a failing collector does not make the agent unhealthy: restarting it would mend neither.
 *
 * @param port 0 for a free one
 * @throws when the port is taken.
 */
export async function startHealthServer(
  agent: Pick<Agent, 'agentType' | 'status'>,
  port: number,
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
    const { state, connected, platformReachable, collectors, outbox } = agent.status()
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
        collectors,
        outbox,
      }),
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/healthz`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
