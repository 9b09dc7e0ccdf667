import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { onTestFinished } from 'vitest'
import {
  AGENT_PATHS,
  dataRequestSchema,
  type HeartbeatRequest,
  heartbeatRequestSchema,
  type Report,
} from '../src/platform/protocol.ts'

/** One call of an agent. */
export interface Call {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** The body as text, uncompressed. */
  readonly text: string
  readonly json: unknown
}

/** Returns the response to a call, or `undefined` for the usual one. */
export type Answer = (
  call: Call,
  response: ServerResponse,
) => { status: number; body?: unknown } | 'handled' | undefined

/** A small platform on a real port that validates every request body. */
export interface Platform {
  readonly url: string
  readonly port: number
  readonly calls: readonly Call[]
  /** Violations of the protocol by requests. */
  readonly violations: readonly string[]
  /** Returns the stored reports, each once. */
  reports(): Report[]
  heartbeats(): HeartbeatRequest[]
  /** Resolves as soon as the calls so far satisfy the condition. */
  until(condition: () => boolean): Promise<void>
  answer: Answer
  stop(): Promise<void>
}

/** Returns an error response of the protocol. */
export function problem(status: number, detail: string): { status: number; body: unknown } {
  return { status, body: { type: 'about:blank', title: 'Problem', status, detail } }
}

/** Listens on 127.0.0.1 until the test has finished. */
export async function startPlatform(answer: Answer = () => undefined, port = 0): Promise<Platform> {
  const calls: Call[] = []
  const violations: string[] = []
  const stored = new Map<string, Report>()
  const waiting = new Set<() => void>()

  const usual = ({ path, json }: Call): { status: number; body: unknown } => {
    // As a platform without enrolment.
    if (path !== AGENT_PATHS.data && path !== AGENT_PATHS.heartbeat) return problem(404, 'Unknown route.')
    const schema = path === AGENT_PATHS.data ? dataRequestSchema : heartbeatRequestSchema
    const checked = schema.safeParse(json)
    if (!checked.success) {
      violations.push(`${path}: ${checked.error.message}`)
      return problem(422, 'the body breaks the protocol')
    }
    if (path !== AGENT_PATHS.data)
      return { status: 200, body: { interval_seconds: 30, server_time: new Date().toISOString() } }
    const { reports } = json as { reports: Report[] }
    const fresh = reports.filter((report) => !stored.has(report.report_id))
    for (const report of fresh) stored.set(report.report_id, report)
    return { status: 202, body: { accepted: fresh.length, duplicates: reports.length - fresh.length } }
  }

  const server = createServer(async (request, response) => {
    const call = await readCall(request)
    calls.push(call)
    const given = platform.answer(call, response)
    if (given !== 'handled') {
      const { status, body } = given ?? usual(call)
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(typeof body === 'string' ? body : JSON.stringify(body))
    }
    for (const check of waiting) check()
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const { port: actual } = server.address() as AddressInfo

  const platform: Platform = {
    url: `http://127.0.0.1:${actual}`,
    port: actual,
    calls,
    violations,
    reports: () => [...stored.values()],
    heartbeats: () =>
      calls.filter((call) => call.path === AGENT_PATHS.heartbeat).map((call) => call.json as HeartbeatRequest),
    until: (condition) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!condition()) return
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        check()
      }),
    answer,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  onTestFinished(() => platform.stop())
  return platform
}

async function readCall(request: IncomingMessage): Promise<Call> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks)
  const text = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString('utf8')
  return { path: request.url ?? '', headers: request.headers, text, json: parsed(text) }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
