import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'

/** A platform on loopback that accepts everything, and keeps only counts. */
export interface Platform {
  readonly url: string
  /** Returns the counts so far. */
  counts(): Counts
  /** Resolves when so many pods were reported. */
  knowsPods(count: number): Promise<void>
  close(): void
}

export interface Counts {
  /** Compressed size of all bodies. */
  readonly bytes: number
  readonly reports: number
  readonly points: number
  readonly events: number
}

interface ReportBody {
  readonly reports: readonly {
    readonly data: {
      readonly entities: readonly Entity[]
      readonly events: readonly unknown[]
      readonly metrics: readonly unknown[]
    }
  }[]
}

interface Entity {
  readonly type: string
  readonly id: string
}

export async function startPlatform(): Promise<Platform> {
  const pods = new Set<string>()
  const counts = { bytes: 0, reports: 0, points: 0, events: 0 }
  let learn: () => void = () => undefined
  const take = (body: Buffer, isCompressed: boolean): void => {
    const { reports } = JSON.parse((isCompressed ? gunzipSync(body) : body).toString()) as ReportBody
    counts.reports += reports.length
    for (const { data } of reports) {
      counts.events += data.events.length
      counts.points += data.metrics.length
      for (const { type, id } of data.entities) if (type === 'k8s.pod') pods.add(id)
    }
    learn()
  }
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request)
    counts.bytes += body.length
    const isData = request.url?.endsWith('/data') === true
    if (isData) take(body, request.headers['content-encoding'] === 'gzip')
    const answer = isData
      ? { accepted: 1, duplicates: 0 }
      : { interval_seconds: 30, server_time: new Date().toISOString() }
    response.writeHead(isData ? 202 : 200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts: () => ({ ...counts }),
    knowsPods: (count) =>
      new Promise((resolve) => {
        learn = () => (pods.size >= count ? resolve() : undefined)
        learn()
      }),
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}
