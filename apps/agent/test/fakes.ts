import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRegistry, type Registry } from '@rca/core'
import { command, defineConnector, entity, metric, option } from '@rca/core/connector'
import type { Gap } from '@rca/core/protocol'
import { onTestFinished, vi } from 'vitest'
import { z } from 'zod'

const signals = {
  host: entity({ type: 'host', description: 'A host.' }),
  load: metric({ name: 'host.load', unit: '1', kind: 'gauge', description: 'Load of a host.' }),
}

/** Makes a registry with one connector, `hosts`, that watches one host. */
export function hostRegistry(
  options: { gaps?: readonly Omit<Gap, 'since'>[]; connect?: () => Promise<object>; name?: string } = {},
): Registry {
  const { gaps = [], connect = async () => ({}), name } = options
  const host = signals.host.reference('web-1')
  return createRegistry([
    defineConnector({
      type: 'hosts',
      title: 'Hosts',
      description: 'Watch hosts',
      config: z.object({ scan_depth: z.number().default(1), password: option.secret().optional() }),
      signals,
      deploy: () => ({ command: command('true') }),
      connect,
      identify: async () => ({ id: 'web-1', name: 'web-1', entity: host }),
      disconnect: async () => undefined,
      collectors: {
        hosts: {
          collect: async () => ({
            entities: [signals.host.entity({ id: 'web-1', ...(name !== undefined && { name }) })],
            metrics: [signals.load.point(0.5, host)],
            gaps: [...gaps],
          }),
        },
      },
    }),
  ])
}

interface FakePlatform {
  readonly url: string
  /** Paths of the requests so far. */
  readonly requests: readonly string[]
}

/** Starts a platform on loopback for one test. It answers `GET /healthz`, and every other request with `answer`. */
export async function startFakePlatform(answer: {
  status: number
  body?: object
  clockOffsetMs?: number
  /** Answer to `GET /api/v1/agent/access`, instead of `status` and `body`. */
  access?: { readonly status: number; readonly body: object } | undefined
}): Promise<FakePlatform> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(request.url ?? '')
    const { status, body = {} } =
      (request.url?.startsWith('/api/v1/agent/access') ? answer.access : undefined) ?? answer
    response.statusCode = request.url === '/healthz' ? 200 : status
    response.setHeader('date', new Date(Date.now() + (answer.clockOffsetMs ?? 0)).toUTCString())
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

/** Makes a directory for one test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'rca-agent-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Captures what the process writes to standard output and standard error, until the test ends. */
export function captureOutput(): { stdout(): string; stderr(): string } {
  const written = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    const spy = vi.spyOn(process[stream], 'write').mockImplementation((text) => {
      written[stream] += String(text)
      return true
    })
    onTestFinished(() => spy.mockRestore())
  }
  return { stdout: () => written.stdout, stderr: () => written.stderr }
}
