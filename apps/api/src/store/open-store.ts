import { resolve } from 'node:path'
import { type Kysely, sql } from 'kysely'
import { createAccessStore } from './access.ts'
import { createReportWriter } from './ingest/report-writer.ts'
import { createSeriesIndex } from './ingest/series-index.ts'
import { createAgentStore } from './read/agents.ts'
import { createEntityReader } from './read/entities.ts'
import { createEventReader } from './read/events.ts'
import { createGapReader } from './read/gaps.ts'
import { createPointReader } from './read/points.ts'
import { createSeriesReader } from './read/series.ts'
import { applyRetention } from './retention.ts'
import { migrate } from './sqlite/migrations.ts'
import { openSqlite } from './sqlite/open-sqlite.ts'
import type { Tables } from './sqlite/tables.ts'
import type { Store } from './store.ts'

/** What a database's address looks like. */
export const DATABASE_URL_PATTERN: RegExp = /^sqlite:.+$/

/** The absolute path of a database's file, or `:memory:`. A relative one is meant from `directory`. */
export function databasePath(url: string, directory: string = process.cwd()): string {
  const path = url.slice('sqlite:'.length)
  return path === ':memory:' ? path : resolve(directory, path)
}

/**
 * Opens a store and brings it to the newest schema.
 *
 * @param url `sqlite:<path>`, or `sqlite::memory:`.
 * @throws {Error} when it cannot be opened.
 */
export async function openStore(url: string): Promise<Store> {
  if (!DATABASE_URL_PATTERN.test(url))
    throw new Error('`DATABASE_URL` must be `sqlite:<path>`, such as sqlite:./rca.sqlite')
  const database = openSqlite(databasePath(url))
  try {
    await migrate(database)
  } catch (error) {
    await database.destroy()
    throw error
  }
  return createStore(database)
}

function createStore(database: Kysely<Tables>): Store {
  const index = createSeriesIndex()
  let closing: Promise<void> | undefined
  return {
    access: createAccessStore(database),
    agents: createAgentStore(database),
    signals: {
      ...createReportWriter(database, index),
      ...createEntityReader(database),
      ...createSeriesReader(database),
      ...createPointReader(database),
      ...createEventReader(database),
      ...createGapReader(database),
    },
    retain: (before, now) => applyRetention(database, index, before, now),
    ping: async () => {
      await sql`select 1`.execute(database)
    },
    close: () => {
      closing ??= database.destroy()
      return closing
    },
  }
}
