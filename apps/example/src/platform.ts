import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApi } from '@rca/api'
import ky, { type KyInstance } from 'ky'

/** The answer to `POST /api/v1/agent/provision`: the fields that the example uses. */
export interface Provision {
  readonly agent_token: string
  readonly deployment_command: string
  readonly uninstall_command?: string
}

/** An agent in the answer to `GET /api/v1/agents`: the fields that the example uses. */
export interface AgentAnswer {
  readonly agent_id: string | null
  readonly environment: string
  readonly agent_type: string
  readonly name?: string
  readonly connectivity: string
  /** Time of the agent's first request. ISO 8601. */
  readonly first_seen_at?: string
  /** Roles of the agents that watch the same thing: one of them reports. */
  readonly instances?: readonly { readonly instance_id: string; readonly role: string }[]
  readonly health: {
    readonly status: string
    readonly collectors: Readonly<Record<string, { readonly ok: boolean }>>
    readonly gaps: readonly { readonly scope: string; readonly reason: string }[]
  }
}

/** One series of an agent with its newest value. */
export interface SeriesAnswer {
  readonly name: string
  readonly unit: string
  readonly kind: string
  readonly entity: { readonly type: string; readonly id: string }
  readonly attributes: Readonly<Record<string, unknown>>
  readonly last?: { readonly at: string; readonly value: number }
}

export interface EntityAnswer {
  readonly type: string
  readonly id: string
  readonly name: string
  readonly attributes: Readonly<Record<string, unknown>>
}

export interface EventAnswer {
  readonly name: string
  readonly at: string
  readonly severity: string
  readonly body: string
}

/** A platform of the example's own, and calls of its API. */
export interface Platform {
  readonly url: string
  readonly adminToken: string
  readonly database: string
  types(): Promise<{ readonly types: readonly string[]; readonly descriptions: Readonly<Record<string, string>> }>
  /** Rejects with the platform's explanation. */
  provision(agentType: string, environment: string, config: Readonly<Record<string, unknown>>): Promise<Provision>
  agent(environment: string): Promise<AgentAnswer | undefined>
  entities(agentId: string): Promise<readonly EntityAnswer[]>
  series(agentId: string): Promise<readonly SeriesAnswer[]>
  events(environment: string): Promise<readonly EventAnswer[]>
  /** Stops it and removes its data. */
  close(): Promise<void>
}

/** Starts the API on a free loopback port with a temporary SQLite file. Returns a client that calls it over HTTP. */
export async function startPlatform(): Promise<Platform> {
  const directory = await mkdtemp(join(tmpdir(), 'rca-example-'))
  const database = join(directory, 'rca.sqlite')
  const api = await createApi({ port: 0, databaseUrl: `sqlite:${database}`, heartbeatInterval: '5s' })
  const url = await api.listen()
  const http = ky.create({ prefix: url, headers: { authorization: `Bearer ${api.adminToken}` }, retry: 0 })

  return {
    url,
    adminToken: api.adminToken,
    database,
    types: () => http.get('api/v1/agent/types').json(),
    provision: async (agentType, environment, config) => {
      const request = { agent_type: agentType, environment_name: environment, config }
      const response = await http.post('api/v1/agent/provision', { json: request, throwHttpErrors: false })
      if (response.ok) return response.json()
      const { detail, title } = await response.json<{ detail?: string; title: string }>()
      throw new Error(detail ?? title)
    },
    agent: async (environment) => {
      const response = http.get('api/v1/agents', { searchParams: { environment } })
      return (await response.json<{ agents: AgentAnswer[] }>()).agents[0]
    },
    entities: (agentId) => readAll<EntityAnswer>(http, `api/v1/agents/${agentId}/entities`, 'entities'),
    series: (agentId) => readAll<SeriesAnswer>(http, `api/v1/agents/${agentId}/metrics`, 'series'),
    events: async (environment) => {
      const response = http.get('api/v1/events', { searchParams: { environment, limit: 10 } })
      return (await response.json<{ events: EventAnswer[] }>()).events
    },
    close: async () => {
      await api.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function readAll<Item>(http: KyInstance, path: string, list: string): Promise<Item[]> {
  const items: Item[] = []
  for (let cursor: string | null | undefined = ''; typeof cursor === 'string'; ) {
    const page: Record<string, unknown> = await http.get(path, { searchParams: cursor === '' ? {} : { cursor } }).json()
    items.push(...(page[list] as Item[]))
    cursor = page.next_cursor as string | null | undefined
  }
  return items
}
