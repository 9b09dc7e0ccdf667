import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { createRegistry, type Registry } from '@rca/core'
import { command, defineConnector, entity, option } from '@rca/core/connector'
import type { Report } from '@rca/core/protocol'
import type { InjectOptions, LightMyRequestResponse } from 'fastify'
import { type Logger, pino } from 'pino'
import { v5, v7 } from 'uuid'
import { onTestFinished } from 'vitest'
import { z } from 'zod'
import { type Api, type ApiOptions, createApi } from '../src/index.ts'
import type { Scope } from '../src/store/records.ts'

/** Creates a log of every level, and a function that returns what was written to it. */
export function recordLog(): { readonly log: Logger; readonly logged: () => string } {
  let text = ''
  const write = (line: string): void => {
    text += line
  }
  return { log: pino({ level: 'trace' }, { write }), logged: () => text }
}

/** A connector that connects to nothing, with an option of each kind and alternative deployments. */
const docker = defineConnector({
  type: 'docker',
  title: 'Docker',
  description: 'Watch a Docker host',
  config: z.object({
    image: z.string().default('example/agent:latest').describe('Image of the agent.'),
    password: option.secret().optional().describe('Password of the engine.'),
  }),
  signals: { container: entity({ type: 'container', description: 'A container.' }) },
  deploy: ({ platformUrl, agentToken, config, settings }) => ({
    prerequisites: ['Docker is installed'],
    command: command('docker', 'run', '--url', platformUrl, '--token', agentToken, ...written(settings), config.image),
    verify: command('docker', 'ps'),
    uninstall: command('docker', 'rm'),
    alternatives: {
      linux: {
        prerequisites: ['curl is installed'],
        command: command('install', '--linux', agentToken),
        verify: command('install', '--linux', '--status'),
        uninstall: command('install', '--linux', '--remove'),
      },
      windows: { command: command('install', '--windows', agentToken) },
    },
  }),
  connect: async () => ({}),
  identify: async () => ({ id: 'engine', name: 'engine', entity: { type: 'container', id: 'engine' } }),
  disconnect: async () => undefined,
  collectors: {},
})

/** A connector with the required fields only. */
const server = defineConnector({
  type: 'server',
  title: 'Server',
  description: 'Watch a server',
  config: z.object({}),
  signals: {},
  deploy: ({ agentToken }) => ({ command: command('install', agentToken) }),
  connect: async () => ({}),
  identify: async () => ({ id: 'host', name: 'host', entity: { type: 'host', id: 'host' } }),
  disconnect: async () => undefined,
  collectors: {},
})

/** Connectors that load at once. */
export const testRegistry: Registry = createRegistry([docker, server])

export const ADMIN = 'admin-token-of-the-tests'

/** The time at which the clock of a test starts. */
export const START = Date.parse('2026-11-22T12:00:00Z')

export const SECOND = 1000
export const DAY = 86_400_000

/** Formats a time as seconds after the start of the clock. */
export function at(seconds: number): string {
  return new Date(START + seconds * SECOND).toISOString()
}

export interface TestApi extends Api {
  readonly databasePath: string
  /** The clock of the API, which only the test moves. */
  readonly clock: { now: number }
  admin(options: InjectOptions | string): Promise<LightMyRequestResponse>
  agent(token: string, options: InjectOptions): Promise<LightMyRequestResponse>
  /** Provisions a type in an environment and returns its token. */
  provision(environment?: string, type?: string, config?: Record<string, unknown>): Promise<string>
  /** Creates an access token. */
  createToken(scopes: readonly Scope[], environments?: readonly string[], name?: string): Promise<string>
  /** Enrols the agent `first`, or another one. */
  enroll(token: string, fields?: Record<string, unknown>): Promise<LightMyRequestResponse>
  send(token: string, ...reports: readonly Report[]): Promise<LightMyRequestResponse>
  heartbeat(token: string, fields?: Record<string, unknown>): Promise<LightMyRequestResponse>
  /** Returns one list of a response, such as `agents` of `/api/v1/agents`, from all pages. */
  list<Item>(url: string): Promise<Item[]>
}

/** Creates an API with a database and a clock of its own, which validates every response against its schema. */
export async function startApi(options: ApiOptions = {}): Promise<TestApi> {
  const directory = mkdtempSync(join(tmpdir(), 'rca-api-'))
  // Also if the API cannot be created. Runs after the API is closed.
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const clock = { now: START }
  const databasePath = join(directory, 'rca.sqlite')
  const api = await createApi({
    registry: testRegistry,
    adminToken: ADMIN,
    databaseUrl: `sqlite:${databasePath}`,
    port: 0,
    publicUrl: 'https://rca.example.com',
    artifactsFolder: '/nowhere',
    now: () => clock.now,
    checkResponses: true,
    // Load of the machine must not fail a test.
    maxEventLoopDelayMs: 0,
    readTimeout: '100s',
    // Threads take long to start: tests of them ask for some.
    readThreads: 0,
    ...options,
  })
  onTestFinished(() => api.close())
  const inject = (token: string, given: InjectOptions | string): Promise<LightMyRequestResponse> => {
    const request = typeof given === 'string' ? { url: given } : given
    return api.app.inject({ ...request, headers: { authorization: `Bearer ${token}`, ...request.headers } })
  }
  return {
    ...api,
    databasePath,
    clock,
    admin: (request) => inject(ADMIN, request),
    agent: (token, request) => inject(token, request),
    provision: async (environment = 'prod-cluster-1', type = 'docker', config = {}) => {
      const response = await inject(ADMIN, {
        method: 'POST',
        url: '/api/v1/agent/provision',
        payload: { agent_type: type, environment_name: environment, config },
      })
      if (response.statusCode !== 201) throw new Error(response.body)
      return response.json<{ agent_token: string }>().agent_token
    },
    createToken: async (scopes, environments, name = scopes.join('.')) => {
      const payload = { name, scopes, ...(environments && { environments }) }
      const response = await inject(ADMIN, { method: 'POST', url: '/api/v1/access-tokens', payload })
      if (response.statusCode !== 201) throw new Error(response.body)
      return response.json<{ access_token: string }>().access_token
    },
    enroll: (token, fields) => {
      const agent = {
        agent_id: agentIdOf('first'),
        agent_type: 'docker',
        agent_version: '1.0.0',
        instance_id: 'web-1-a',
      }
      return inject(token, { method: 'POST', url: '/api/v1/agent/enroll', payload: { ...agent, ...fields } })
    },
    send: (token, ...reports) => inject(token, { method: 'POST', url: '/api/v1/agent/data', payload: { reports } }),
    heartbeat: (token, fields) =>
      inject(token, { method: 'POST', url: '/api/v1/agent/heartbeat', payload: heartbeatOf(fields) }),
    list: async <Item>(url: string) => {
      const items: Item[] = []
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const next = cursor === undefined ? '' : `${url.includes('?') ? '&' : '?'}cursor=${cursor}`
        const response = await inject(ADMIN, url + next)
        if (response.statusCode !== 200) throw new Error(response.body)
        const { next_cursor, ...rest } = response.json()
        items.push(...Object.values<Item[]>(rest).filter(Array.isArray).flat())
        cursor = next_cursor
      }
      return items
    },
  }
}

/** Returns the id of a test's agent. */
export function agentIdOf(name: string): string {
  return v5(name, '5f0c8a0e-6a43-4f0a-9c5d-3a1f7b9e2d64')
}

/** URL of the agent `first`, whose id the reports and heartbeats of this kit have. */
export const AGENT_URL = `/api/v1/agents/${agentIdOf('first')}`

type Data = Report['data']

/** Creates a report with the required fields only. */
export function reportOf(data: Partial<Data> = {}, rest: Partial<Omit<Report, 'data'>> = {}): Report {
  return {
    report_id: v7(),
    agent_id: agentIdOf('first'),
    agent_type: 'docker',
    agent_version: '1.0.0',
    sequence: 0,
    timestamp: at(0),
    ...rest,
    data: { entities: [], metrics: [], events: [], gaps: [], ...data },
  }
}

export const container = { type: 'container', id: 'c1' }

export function metricOf(value: number, rest: Partial<Data['metrics'][number]> = {}): Data['metrics'][number] {
  const metric = { name: 'container.memory.usage', unit: 'By', kind: 'gauge', entity: container } as const
  return { ...metric, value, attributes: {}, ...rest }
}

export function entityOf(id: string, rest: Partial<Data['entities'][number]> = {}): Data['entities'][number] {
  return { type: 'container', id, name: id, attributes: {}, relations: [], ...rest }
}

export function eventOf(rest: Partial<Data['events'][number]> = {}): Data['events'][number] {
  const event = { name: 'container.died', severity: 'warning', entity: container, body: 'The container died.' } as const
  return { ...event, at: at(0), attributes: {}, ...rest }
}

export function heartbeatOf(fields: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    agent_id: agentIdOf('first'),
    agent_type: 'docker',
    agent_version: '1.0.0',
    started_at: at(0),
    sequence: 0,
    collectors: { containers: { ok: true, duration_ms: 3 } },
    outbox: { reports: 0, bytes: 0, dropped: 0 },
    ...fields,
  }
}

/** Returns ids of the agent's containers, a deleted one as `-id`. `format` adds fields of those that exist. */
export async function containersOf(
  api: TestApi,
  agentUrl: string = AGENT_URL,
  format: (entity: { id: string; name: string }) => string = ({ id }) => id,
): Promise<string[]> {
  const entities = await api.list<{ id: string; name: string; deleted_at?: string }>(
    `${agentUrl}/entities?type=container&include_deleted=true`,
  )
  return entities.map((entity) => (entity.deleted_at === undefined ? format(entity) : `-${entity.id}`))
}

/** The head of a request that delivers reports, for raw connections. */
export function dataRequestHead(token: string, contentLength: number): string {
  return `POST /api/v1/agent/data HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: ${contentLength}\r\n\r\n`
}

/**
 * Sends texts over one connection, 100 ms apart, and returns everything received until it is closed or, after the first
 * byte, silent for 1 s.
 */
export function exchange(url: URL, ...texts: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect({ host: url.hostname, port: Number(url.port) }, async () => {
      for (const [index, text] of texts.entries()) {
        if (index > 0) await setTimeout(100)
        socket.write(text)
      }
    })
    socket.setTimeout(60_000, () => socket.destroy())
    socket.on('data', (chunk) => {
      socket.setTimeout(1000)
      answer += chunk.toString()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(answer))
  })
}

/** Settings as `name=value`. */
function written(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).map(([name, value]) => `${name}=${value}`)
}
