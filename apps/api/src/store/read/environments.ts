import type { Kysely, Selectable } from 'kysely'
import { optional, toPage } from '../page.ts'
import type { StoredEnvironment, StoredToken } from '../records.ts'
import type { Tables } from '../sqlite/tables.ts'
import type { AccessStore } from '../store.ts'

/** Reads environments, what was provisioned for them, and the state of their tokens. */
export function createEnvironmentReader(
  database: Kysely<Tables>,
): Pick<AccessStore, 'environments' | 'environment' | 'tokens' | 'settings'> {
  return {
    environments: async (page) => {
      const all = selectEnvironments(database)
      const from = page.after === undefined ? all : all.where('name', '>', String(page.after[0]))
      const rows = await withTypes(
        database,
        await from
          .orderBy('name')
          .limit(page.limit + 1)
          .execute(),
      )
      return toPage(
        rows,
        page,
        (row) => row,
        (row) => [row.name],
      )
    },

    environment: async (name) => {
      const rows = await selectEnvironments(database).where('name', '=', name).execute()
      return (await withTypes(database, rows))[0]
    },

    tokens: async (environment) => {
      const rows = await database
        .selectFrom('tokens')
        .selectAll()
        .where('environment', '=', environment)
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .execute()
      return rows.map(toToken)
    },

    settings: async (environment, agentType) => {
      const row = await database
        .selectFrom('provisions')
        .select(['config', 'withheld'])
        .where('environment', '=', environment)
        .where('agent_type', '=', agentType)
        .executeTakeFirst()
      return row === undefined
        ? undefined
        : { config: JSON.parse(row.config) as Record<string, unknown>, withheld: JSON.parse(row.withheld) as string[] }
    },
  }
}

function selectEnvironments(database: Kysely<Tables>) {
  return database
    .selectFrom('environments')
    .select(['name', 'created_at'])
    .select(({ selectFrom }) => [
      selectFrom('agents')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .whereRef('agents.environment', '=', 'environments.name')
        .as('agents'),
    ])
}

type EnvironmentRow = Awaited<ReturnType<ReturnType<typeof selectEnvironments>['execute']>>[number]

async function withTypes(database: Kysely<Tables>, rows: readonly EnvironmentRow[]): Promise<StoredEnvironment[]> {
  if (rows.length === 0) return []
  const provisions = await database
    .selectFrom('provisions')
    .select(['environment', 'agent_type'])
    .where(
      'environment',
      'in',
      rows.map((row) => row.name),
    )
    .orderBy('agent_type')
    .execute()
  const types = Map.groupBy(provisions, (provision) => provision.environment)
  return rows.map((row) => ({
    name: row.name,
    createdAt: row.created_at,
    agents: row.agents ?? 0,
    agentTypes: (types.get(row.name) ?? []).map((provision) => provision.agent_type),
  }))
}

/** A token as the routes see it. */
export function toToken(row: Selectable<Tables['tokens']>): StoredToken {
  return {
    id: row.id,
    environment: row.environment,
    agentType: row.agent_type,
    hash: row.hash,
    createdAt: row.created_at,
    expiresAt: optional(row.expires_at),
    revokedAt: optional(row.revoked_at),
    lastUsedAt: optional(row.last_used_at),
  }
}
