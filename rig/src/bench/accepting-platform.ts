import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import {
  AGENT_PATHS,
  bySeriesSet,
  hashSeriesSet,
  MAX_NAMED_SETS,
  type ReceivedReport,
  seriesKeyOf,
} from '@rca/core/protocol'

/** Lifetime of the keys of {@link startAcceptingPlatform}: longer than any benchmark. */
const KEY_LIFETIME_MS = 24 * 3_600_000

/** Time for which a connection stays open without requests: that of the API, which is Fastify's default. */
const KEEP_ALIVE_MS = 72_000

/** A platform on loopback. */
export interface AcceptingPlatform {
  readonly url: string
  /** Number of accepted requests with reports so far. */
  reports(): number
  /** Resolves when the next heartbeat is accepted. */
  nextHeartbeat(): Promise<void>
  close(): void
}

/**
 * Starts a platform on loopback that enrols every agent, accepts every report and stores nothing. Like the API, it
 * names the sets of series that were sent in full, and refuses values of other sets with 409.
 */
export async function startAcceptingPlatform(): Promise<AcceptingPlatform> {
  let reports = 0
  let heartbeat = Promise.withResolvers<void>()
  const sets = createNamedSets()
  const respond = async (request: IncomingMessage): Promise<readonly [status: number, body: object]> => {
    const body = await readText(request)
    if (request.url === AGENT_PATHS.data) {
      const { reports: received } = JSON.parse(body) as { readonly reports: readonly ReceivedReport[] }
      const named = sets.add(received)
      if (named === undefined) return [409, { title: 'unknown set of series', status: 409 }]
      reports += 1
      return [202, { accepted: received.length, duplicates: 0, series_sets: named }]
    }
    if (request.url === AGENT_PATHS.enroll) {
      const expiresAt = new Date(Date.now() + KEY_LIFETIME_MS).toISOString()
      return [201, { agent_key: `agentkey_${'0'.repeat(43)}`, expires_at: expiresAt }]
    }
    heartbeat.resolve()
    heartbeat = Promise.withResolvers()
    return [200, { interval_seconds: 30, server_time: new Date().toISOString() }]
  }
  const server = createServer((request, response) => {
    respond(request).then(
      ([status, body]) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
      (error) => response.writeHead(400).end(String(error)),
    )
  })
  server.keepAliveTimeout = KEEP_ALIVE_MS
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    reports: () => reports,
    nextHeartbeat: () => heartbeat.promise,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function readText(request: IncomingMessage): Promise<string> {
  const body = await buffer(request)
  return (request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString()
}

/** Keeps the sets of series that agents sent in full. */
function createNamedSets() {
  const known = new Set<string>()
  return {
    /** Returns the sets that reports hold in full, or `undefined` if they hold values of an unknown set. */
    add: (reports: readonly ReceivedReport[]): readonly string[] | undefined => {
      const named = new Set<string>()
      for (const { agent_id, data } of reports) {
        if (data.metrics.some((metric) => 'series_set' in metric && !known.has(`${agent_id} ${metric.series_set}`)))
          return undefined
        for (const points of bySeriesSet(data.metrics))
          if (!('series_set' in points)) named.add(`${agent_id} ${hashSeriesSet(points.map(seriesKeyOf))}`)
      }
      for (const set of named) known.add(set)
      return [...named].slice(0, MAX_NAMED_SETS).map((set) => set.slice(set.lastIndexOf(' ') + 1))
    },
  }
}
