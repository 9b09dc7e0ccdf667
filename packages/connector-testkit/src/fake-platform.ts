import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { createGunzip } from 'node:zlib'
import type { HeartbeatRequest, Report } from '@rca/core/protocol'
import { AGENT_PATHS, dataRequestSchema, heartbeatRequestSchema } from '@rca/core/testing'

/** A platform on loopback that keeps what an agent sends. */
export interface FakePlatform {
  /** Such as `http://127.0.0.1:41234`: the `platformUrl` of an agent. */
  readonly url: string
  /** Received reports, each once, in order. */
  readonly reports: readonly Report[]
  /** Removes and returns the received reports, so that a platform that runs for long does not keep them. */
  takeReports(): readonly Report[]
  readonly heartbeats: readonly HeartbeatRequest[]
  /** Requests that break the protocol, one sentence each. */
  readonly violations: readonly string[]
  /** Answers every request with this status, as a platform that is down, overloaded or refuses the token. */
  refuse(status: number): void
  /** Accepts requests again. */
  accept(): void
  /** Resolves as soon as what was received satisfies the condition. */
  until(condition: (platform: FakePlatform) => boolean): Promise<void>
  /** Closes the platform. Idempotent. */
  close(): Promise<void>
}

/** Schemas of the requests that are accepted, by path. */
const SCHEMAS: Readonly<Record<string, typeof dataRequestSchema | typeof heartbeatRequestSchema | undefined>> = {
  [AGENT_PATHS.data]: dataRequestSchema,
  [AGENT_PATHS.heartbeat]: heartbeatRequestSchema,
}

/** Starts a platform that accepts every token, and has no enrolment. */
export async function fakePlatform(): Promise<FakePlatform> {
  const reports = new Map<string, Report>()
  const heartbeats: HeartbeatRequest[] = []
  const violations: string[] = []
  const waiting = new Set<() => void>()
  let refusal: number | undefined

  const answerTo = (path: string, body: unknown): { readonly status: number; readonly body: object } => {
    if (refusal !== undefined) return problem(refusal)
    const schema = SCHEMAS[path]
    if (schema === undefined) return problem(404)
    const checked = schema.safeParse(body)
    if (!checked.success) {
      violations.push(`${path}: ${checked.error.message}`)
      return problem(422)
    }
    if (path === AGENT_PATHS.heartbeat) {
      heartbeats.push(body as HeartbeatRequest)
      return { status: 200, body: { interval_seconds: 30, server_time: new Date().toISOString() } }
    }
    const { reports: received } = body as { reports: Report[] }
    const fresh = received.filter(({ report_id: id }) => !reports.has(id))
    for (const report of fresh) reports.set(report.report_id, report)
    return { status: 202, body: { accepted: fresh.length, duplicates: received.length - fresh.length } }
  }

  const server = createServer(async (request, response) => {
    const { status, body } = answerTo(request.url ?? '', await bodyOf(request))
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    for (const check of waiting) check()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const platform: FakePlatform = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get reports() {
      return [...reports.values()]
    },
    takeReports: () => {
      const taken = [...reports.values()]
      reports.clear()
      return taken
    },
    heartbeats,
    violations,
    refuse: (status) => {
      refusal = status
    },
    accept: () => {
      refusal = undefined
    },
    until: (condition) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!condition(platform)) return
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        check()
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return platform
}

/** Returns a request's JSON, or `undefined` if it is not JSON. */
async function bodyOf(request: IncomingMessage): Promise<unknown> {
  try {
    const isCompressed = request.headers['content-encoding'] === 'gzip'
    return JSON.parse(await text(isCompressed ? request.pipe(createGunzip()) : request))
  } catch {
    return undefined
  }
}

function problem(status: number): { readonly status: number; readonly body: object } {
  return { status, body: { type: 'about:blank', title: 'Refused', status } }
}
