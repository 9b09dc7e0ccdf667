import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Change, Item } from '../src/client.ts'

/** A service of a test, on a port of its own. */
export interface FakeServer {
  readonly url: string
  /** May be changed at any time. */
  readonly items: Item[]
  readonly changes: Change[]
  /** Answers every request with this status instead, such as 403. */
  status: number
  /** Returns the number of requests so far. */
  requests(): number
  close(): Promise<void>
}

/** Starts a service that answers as the real one does. */
export async function startFakeServer(token?: string): Promise<FakeServer> {
  const items: Item[] = [
    { name: 'invoices', load: 0.75 },
    { name: 'mails', load: 0 },
  ]
  const changes: Change[] = [{ number: 1, at: new Date('2026-11-22T09:00:00Z'), item: 'mails', text: 'mails was made' }]
  let requests = 0
  const server = createServer((request, response) => {
    requests += 1
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://service')
    const after = Number(searchParams.get('after'))
    const answers: Readonly<Record<string, unknown>> = {
      '/items': { service: 'service-1', items },
      '/changes': { changes: changes.filter(({ number }) => number > after) },
    }
    const isAllowed = token === undefined || request.headers.authorization === `Bearer ${token}`
    const status = isAllowed ? fake.status : 401
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answers[pathname] ?? {}))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const fake: FakeServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    items,
    changes,
    status: 200,
    requests: () => requests,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return fake
}
