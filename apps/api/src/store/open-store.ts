import { type Kysely, sql } from 'kysely'
import { createAccessStore } from './access-store.ts'
import { createAccessTokenStore } from './access-token-store.ts'
import { createAuditStore } from './audit-store.ts'
import { DATABASE_URL_PATTERN, databasePath } from './database-url.ts'
import { createEnrolmentStore } from './enrolment-store.ts'
import { createGroupCommit } from './ingest/group-commit.ts'
import { createHeartbeatWriter } from './ingest/heartbeat-writer.ts'
import { createQuotas } from './ingest/quota.ts'
import { createReportWriter } from './ingest/report-writer.ts'
import { createSeriesIndex } from './ingest/series-index.ts'
import { DEFAULT_LIMITS, type StoreLimits } from './limits.ts'
import { createAgentReader } from './read/agents.ts'
import { createEntityReader } from './read/entities.ts'
import { createEventReader } from './read/events.ts'
import { createGapReader } from './read/gaps.ts'
import { createPointReader } from './read/points.ts'
import { createRelatedReader } from './read/related.ts'
import { createSeriesReader } from './read/series.ts'
import { createRemovalStore } from './removal-store.ts'
import { applyRetention, findNewestTime } from './retention.ts'
import { giveBackSpace } from './sqlite/free-space.ts'
import { migrate } from './sqlite/migrations.ts'
import { type Connections, openSqlite } from './sqlite/open-sqlite.ts'
import { createPointPacker } from './sqlite/point-packing.ts'
import { findDamageInThread } from './sqlite/quick-check.ts'
import type { Tables } from './sqlite/tables.ts'
import type { Store } from './store.ts'

/**
 * Opens `sqlite:<path>` or `sqlite::memory:`, and migrates it to the newest schema.
 *
 * @param readThreads threads that answer questions. 0 answers them in the thread of the caller.
 * @throws {Error} when that fails.
 */
export async function openStore(url: string, limits: StoreLimits = DEFAULT_LIMITS, readThreads = 0): Promise<Store> {
  if (!DATABASE_URL_PATTERN.test(url))
    throw new Error('`DATABASE_URL` must be `sqlite:<path>`, such as sqlite:./rca.sqlite.')
  const path = databasePath(url)
  const connections = openSqlite(path, readThreads)
  try {
    await migrate(connections.writer)
    await emptyLog(connections.writer)
    connections.storage.createReserve()
  } catch (error) {
    await connections.close()
    throw error
  }
  return createStore(path, connections, limits)
}

/**
 * Moves the write-ahead log into the database. A process that was killed, or a migration, may leave one that is as
 * large as the database: it makes questions slow, and reports are refused while it is too long.
 */
async function emptyLog(database: Kysely<Tables>): Promise<void> {
  try {
    await sql`pragma wal_checkpoint(truncate)`.execute(database)
  } catch {
    // The disk is full, or another process has a lock: the log stays until later.
  }
}

function createStore(path: string, { writer, reader, pool, storage, close }: Connections, limits: StoreLimits): Store {
  const index = createSeriesIndex()
  const quotas = createQuotas(limits)
  const pack = createPointPacker(writer)
  const commits = createGroupCommit(writer, path === ':memory:' ? 0 : undefined)
  const writeReports = createReportWriter(commits, index, quotas)
  const writeHeartbeat = createHeartbeatWriter(commits)
  const forgetRemoved = (): void => {
    index.clear()
    quotas.clear()
  }
  let closing: Promise<void> | undefined
  return {
    access: createAccessStore(writer, reader),
    accessTokens: createAccessTokenStore(writer, reader),
    audit: createAuditStore(writer, pool),
    enrolment: createEnrolmentStore(writer, reader, limits),
    removals: createRemovalStore(writer, forgetRemoved),
    agents: {
      heartbeat: async (...heartbeat) => {
        storage.admit()
        return writeHeartbeat(...heartbeat)
      },
      ...createAgentReader(reader, pool),
    },
    signals: {
      write: async (...reports) => {
        storage.admit()
        return writeReports(...reports)
      },
      entities: createEntityReader(pool),
      series: createSeriesReader(pool),
      points: createPointReader(pool),
      events: createEventReader(pool),
      related: createRelatedReader(pool),
      gaps: createGapReader(pool),
    },
    retain: async (before, now) => {
      const removed = await applyRetention(writer, index, before, now)
      quotas.clear()
      await giveBackSpace(writer, storage)
      return removed
    },
    pack: async (now, signal) => {
      const packed = await pack(await findNewestTime(writer, now), signal)
      if (packed > 0) await giveBackSpace(writer, storage)
      return packed
    },
    ping: async () => {
      storage.checkDisk()
      await sql`select 1 from environments limit 1`.execute(reader)
      // Writes the value that it has already.
      if (storage.hasFailed)
        await writer.transaction().execute((transaction) => sql`pragma user_version = 0`.execute(transaction))
    },
    findDamage: async (signal) => {
      const problems = path === ':memory:' ? [] : await findDamageInThread(path, signal)
      if (problems[0] !== undefined) storage.damaged(problems[0])
      return problems
    },
    sizes: storage.sizes,
    lastSeenAt: async () => {
      const last = await reader
        .selectFrom('agents')
        .select(({ fn }) => fn.max('last_seen_at').as('at'))
        .executeTakeFirst()
      return last?.at ?? undefined
    },
    close: () => {
      closing ??= close()
      return closing
    },
  }
}
