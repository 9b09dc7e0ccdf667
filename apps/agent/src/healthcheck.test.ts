import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'

/** Runs the health check. Returns its exit code and output. */
function healthcheck(environment: Readonly<Record<string, string>>): Promise<readonly [number, string]> {
  const file = join(import.meta.dirname, 'healthcheck.ts')
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['--conditions=@rca/source', file],
      { env: { PATH: process.env.PATH, ...environment } },
      (_error, output) => resolve([child.exitCode ?? -1, output]),
    )
  })
}

/** Starts a health endpoint that answers with this status. Returns its port, or the path of its socket. */
async function endpoint(status: number, socket?: string): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(status).end())
  onTestFinished(() => void server.close())
  server.listen(socket === undefined ? { port: 0, host: '127.0.0.1' } : { path: socket })
  await once(server, 'listening')
  return socket ?? String((server.address() as AddressInfo).port)
}

function socketPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rca-healthcheck-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'agent.sock')
}

describe('healthcheck', () => {
  test.each([
    [200, 0],
    [503, 1],
  ])('asks the socket, which answers %i, and exits with %i', async (status, code) => {
    const RCA_HEALTH_SOCKET = await endpoint(status, socketPath())
    expect((await healthcheck({ RCA_HEALTH_SOCKET }))[0]).toBe(code)
  })

  test('asks the port of RCA_HEALTH_PORT although the image sets a socket', async () => {
    const RCA_HEALTH_PORT = await endpoint(200)
    expect(await healthcheck({ RCA_HEALTH_PORT, RCA_HEALTH_SOCKET: socketPath() })).toEqual([0, ''])
  })

  test.each(['off', '0'])('checks nothing with RCA_HEALTH_PORT=%s', async (RCA_HEALTH_PORT) => {
    const [code, output] = await healthcheck({ RCA_HEALTH_PORT, RCA_HEALTH_SOCKET: socketPath() })
    expect([code, output]).toEqual([0, expect.stringContaining('nothing is checked')])
  })

  test('exits with 1 and names the endpoint without an answer', async () => {
    const RCA_HEALTH_SOCKET = socketPath()
    expect(await healthcheck({ RCA_HEALTH_SOCKET })).toEqual([1, expect.stringContaining(RCA_HEALTH_SOCKET)])
  })
})
