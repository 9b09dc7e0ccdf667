import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRegistry } from '@rca/core'
import { defineConnector, entity, secret, sh } from '@rca/core/connector'
import type { Report } from '@rca/core/protocol'
import type { InjectOptions, LightMyRequestResponse } from 'fastify'
import { v5, v7 } from 'uuid'
import { onTestFinished } from 'vitest'
import { z } from 'zod'
import { type Api, createApi } from '../src/index.ts'
import type { ApiOptions } from '../src/options/api-options.ts'

/** Nothing real: a type of infrastructure whose every option is of use to a test. */
export const kiln = defineConnector({
  type: 'kiln',
  title: 'Kiln',
  description: 'Watch a kiln',
  config: z.object({
    image: z.string().default('example/kiln:latest').describe('Image to run.'),
    password: secret().optional().describe('Opens the kiln.'),
  }),
  signals: { kiln: entity({ type: 'kiln', description: 'A kiln.' }) },
  deploy: ({ platformUrl, agentToken, config, settings }) => ({
    prerequisites: ['the kiln is cold'],
    command: sh`fire --url ${platformUrl} --token ${agentToken} ${Object.entries(settings).map(([name, value]) => `${name}=${value}`)} ${config.image}`,
    verify: sh`fire --status`,
    uninstall: sh`fire --out`,
    alternatives: {
      gas: {
        prerequisites: ['the gas is on'],
        command: sh`fire --gas ${agentToken}`,
        verify: sh`fire --gas --status`,
        uninstall: sh`fire --gas --out`,
      },
      wood: { command: sh`fire --wood ${agentToken}` },
    },
  }),
  connect: async () => ({}),
  identify: async () => ({ id: 'kiln', name: 'kiln', entity: { type: 'kiln', id: 'kiln' } }),
  disconnect: async () => undefined,
  collectors: {},
})

/** The same with as little as a connector may have. */
export const oven = defineConnector({
  type: 'oven',
  title: 'Oven',
  description: 'Watch an oven',
  config: z.object({}),
  signals: {},
  deploy: ({ agentToken }) => ({ command: sh`bake ${agentToken}` }),
  connect: async () => ({}),
  identify: async () => ({ id: 'oven', name: 'oven', entity: { type: 'oven', id: 'oven' } }),
  disconnect: async () => undefined,
  collectors: {},
})

export const ADMIN = 'admin-token-of-the-tests'

export interface TestApi extends Api {
  readonly databasePath: string
  /** Moves the clock. */
  readonly clock: { now: number }
  admin(options: InjectOptions | string): Promise<LightMyRequestResponse>
  agent(token: string, options: InjectOptions): Promise<LightMyRequestResponse>
  provision(environment?: string, type?: string): Promise<string>
  send(token: string, ...reports: readonly Report[]): Promise<LightMyRequestResponse>
}

export const START = Date.parse('2026-11-22T12:00:00Z')

/** An API over a database file of its own, with a clock that stands still, that checks every answer against its schema. */
export async function startApi(options: ApiOptions = {}): Promise<TestApi> {
  const directory = mkdtempSync(join(tmpdir(), 'rca-api-'))
  const clock = { now: START }
  const databasePath = join(directory, 'rca.sqlite')
  const api = await createApi({
    registry: createRegistry([kiln, oven]),
    adminToken: ADMIN,
    databaseUrl: `sqlite:${databasePath}`,
    port: 0,
    publicUrl: 'https://rca.example.com',
    now: () => clock.now,
    checkResponses: true,
    ...options,
  })
  onTestFinished(async () => {
    await api.close()
    rmSync(directory, { recursive: true })
  })
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
    provision: async (environment = 'prod-cluster-1', type = 'kiln') => {
      const response = await inject(ADMIN, {
        method: 'POST',
        url: '/api/v1/agent/provision',
        payload: { agent_type: type, environment_name: environment },
      })
      if (response.statusCode !== 201) throw new Error(response.body)
      return response.json<{ agent_token: string }>().agent_token
    },
    send: (token, ...reports) => inject(token, { method: 'POST', url: '/api/v1/agent/data', payload: { reports } }),
  }
}

/** The id of a test's agent. */
export function agentIdOf(name: string): string {
  return v5(name, '5f0c8a0e-6a43-4f0a-9c5d-3a1f7b9e2d64')
}

type Data = Partial<Report['data']>

/** A report with as little as a report may have. */
export function reportOf(data: Data = {}, rest: Partial<Omit<Report, 'data'>> = {}): Report {
  return {
    report_id: v7(),
    agent_id: agentIdOf('first'),
    agent_type: 'kiln',
    agent_version: '1.0.0',
    sequence: 0,
    timestamp: new Date(START).toISOString(),
    ...rest,
    data: { entities: [], metrics: [], events: [], gaps: [], ...data },
  }
}

export const hearth = { type: 'hearth', id: 'h1' }

export function metricOf(
  value: number,
  rest: Partial<Report['data']['metrics'][number]> = {},
): Report['data']['metrics'][number] {
  return { name: 'kiln.temperature', value, unit: 'Cel', kind: 'gauge', entity: hearth, attributes: {}, ...rest }
}

export function entityOf(
  id: string,
  rest: Partial<Report['data']['entities'][number]> = {},
): Report['data']['entities'][number] {
  return { type: 'hearth', id, name: id, attributes: {}, relations: [], ...rest }
}

export function eventOf(rest: Partial<Report['data']['events'][number]> = {}): Report['data']['events'][number] {
  return {
    name: 'hearth.cracked',
    at: new Date(START).toISOString(),
    severity: 'warning',
    entity: hearth,
    body: 'A crack.',
    attributes: {},
    ...rest,
  }
}

export function heartbeatOf(rest: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    agent_id: agentIdOf('first'),
    agent_type: 'kiln',
    agent_version: '1.0.0',
    started_at: new Date(START).toISOString(),
    sequence: 0,
    collectors: { heat: { ok: true, duration_ms: 3 } },
    outbox: { reports: 0, bytes: 0, dropped: 0 },
    ...rest,
  }
}
