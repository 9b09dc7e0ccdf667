import { type Kysely, sql } from 'kysely'
import { createAccessStore } from './access-store.ts'
import { DATABASE_URL_PATTERN, databasePath } from './database-url.ts'
import { createEnrolmentStore } from './enrolment-store.ts'
import { createHeartbeatWriter } from './ingest/heartbeat-writer.ts'
import { createReportWriter } from './ingest/report-writer.ts'
import { createSeriesIndex } from './ingest/series-index.ts'
import { createAgentReader } from './read/agents.ts'
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

/** Opens `sqlite:<path>` or `sqlite::memory:`, and migrates it to the newest schema. @throws {Error} when that fails */
export async function openStore(url: string): Promise<Store> {
  if (!DATABASE_URL_PATTERN.test(url))
    throw new Error('`DATABASE_URL` must be `sqlite:<path>`, such as sqlite:./rca.sqlite.')
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
    enrolment: createEnrolmentStore(database),
    agents: { heartbeat: createHeartbeatWriter(database), ...createAgentReader(database) },
    signals: {
      write: createReportWriter(database, index),
      entities: createEntityReader(database),
      series: createSeriesReader(database),
      points: createPointReader(database),
      events: createEventReader(database),
      gaps: createGapReader(database),
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
