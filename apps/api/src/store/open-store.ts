import { sql } from 'kysely'
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
import { createRelatedReader } from './read/related.ts'
import { createSeriesReader } from './read/series.ts'
import { applyRetention } from './retention.ts'
import { migrate } from './sqlite/migrations.ts'
import { type Connections, openSqlite } from './sqlite/open-sqlite.ts'
import type { Store } from './store.ts'

/** Opens `sqlite:<path>` or `sqlite::memory:`, and migrates it to the newest schema. @throws {Error} when that fails */
export async function openStore(url: string): Promise<Store> {
  if (!DATABASE_URL_PATTERN.test(url))
    throw new Error('`DATABASE_URL` must be `sqlite:<path>`, such as sqlite:./rca.sqlite.')
  const connections = openSqlite(databasePath(url))
  try {
    await migrate(connections.writer)
  } catch (error) {
    await connections.close()
    throw error
  }
  return createStore(connections)
}

function createStore({ writer, reader, close }: Connections): Store {
  const index = createSeriesIndex()
  let closing: Promise<void> | undefined
  return {
    access: createAccessStore(writer, reader),
    enrolment: createEnrolmentStore(writer, reader),
    agents: { heartbeat: createHeartbeatWriter(writer), ...createAgentReader(reader) },
    signals: {
      write: createReportWriter(writer, index),
      entities: createEntityReader(reader),
      series: createSeriesReader(reader),
      points: createPointReader(reader),
      events: createEventReader(reader),
      related: createRelatedReader(reader),
      gaps: createGapReader(reader),
    },
    retain: (before, now) => applyRetention(writer, index, before, now),
    ping: async () => {
      await sql`select 1`.execute(reader)
    },
    close: () => {
      closing ??= close()
      return closing
    },
  }
}
