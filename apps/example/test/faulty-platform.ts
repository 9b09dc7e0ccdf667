import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { pipeline } from 'node:stream'
import { type Api, createApi } from '@rca/api'
import ky, { type KyInstance } from 'ky'
import type { Provisioned } from './platform-process.ts'

/** Handles a request in place of the platform. Returns false to let the platform answer. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => boolean

const NO_FAULT: Fault = () => false

/** Something that listens for machines, and may break what passes. */
export interface Listener {
  /** Address for machines. */
  readonly url: string
  /** Method and address of the requests so far. */
  readonly requests: readonly string[]
  /** Breaks the answers to requests from now on. Without a fault, they pass. */
  breakWith(fault?: Fault): void
  close(): Promise<void>
}

/** A platform behind a listener, with a clock that tests move. */
export interface FaultyPlatform extends Listener {
  readonly admin: KyInstance
  /** Returns the command for a new server of an environment, and its token. */
  provision(environment: string, config?: Readonly<Record<string, unknown>>): Promise<Provisioned>
  /** Moves the clock of the platform forward. */
  advance(milliseconds: number): void
}

/** Certificate and key of a listener, in PEM. */
export interface Tls {
  readonly cert: string
  readonly key: string
}

/** Starts an API with these archives behind a listener at an address of this host. */
export async function startFaultyPlatform(host: string, artifactsFolder: string, tls?: Tls): Promise<FaultyPlatform> {
  let aheadMs = 0
  let target = ''
  const listener = await startListener(host, ({ url = '' }) => new URL(url, target), tls)
  const api: Api = await createApi({
    port: 0,
    publicUrl: listener.url,
    artifactsFolder,
    databaseUrl: 'sqlite::memory:',
    maxEventLoopDelayMs: 0,
    rateLimitUnauthenticated: 6000,
    now: () => Date.now() + aheadMs,
  })
  target = await api.listen()
  const admin = ky.create({ prefix: target, headers: { authorization: `Bearer ${api.adminToken}` }, retry: 0 })
  return {
    ...listener,
    admin,
    provision: (environment_name, more = {}) => {
      const config = { platform: 'linux', ...more }
      return admin.post('api/v1/agent/provision', { json: { agent_type: 'server', environment_name, config } }).json()
    },
    advance: (milliseconds) => {
      aheadMs += milliseconds
    },
    close: async () => {
      await listener.close()
      await api.close()
    },
  }
}

/** Starts a proxy. It refuses tunnels, as one that needs a password. */
export async function startProxy(host: string): Promise<Listener> {
  return startListener(host, ({ url = '' }) => new URL(url))
}

async function startListener(host: string, locate: (request: IncomingMessage) => URL, tls?: Tls): Promise<Listener> {
  const requests: string[] = []
  let fault = NO_FAULT
  const handle = (incoming: IncomingMessage, response: ServerResponse): void => {
    requests.push(`${incoming.method} ${incoming.url}`)
    if (!fault(incoming, response)) forward(incoming, response, locate(incoming))
  }
  const server: Server = tls === undefined ? createServer(handle) : createTlsServer(tls, handle)
  server.on('connect', (incoming: IncomingMessage, socket) => {
    requests.push(`${incoming.method} ${incoming.url}`)
    socket.on('error', () => undefined)
    socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
  })
  server.listen(0, host)
  await once(server, 'listening')
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${host}:${(server.address() as AddressInfo).port}`,
    requests,
    breakWith: (next = NO_FAULT) => {
      fault = next
    },
    close: async () => {
      server.close()
      if ('closeAllConnections' in server) (server.closeAllConnections as () => void)()
    },
  }
}

/** Passes a request on, and its answer back. */
function forward(incoming: IncomingMessage, response: ServerResponse, url: URL): void {
  const { method, headers } = incoming
  const outgoing = request(url, { method, headers }, (answer) => {
    // The agent may have ended in the meantime.
    if (response.destroyed) return void answer.destroy()
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    pipeline(answer, response, () => undefined)
  })
  outgoing.on('error', () => response.destroy())
  pipeline(incoming, outgoing, () => undefined)
}
