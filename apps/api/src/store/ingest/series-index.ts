import { hash } from 'node:crypto'
import { type InterruptibleTask, runInTimeSlices } from '@rca/core'
import type { Attributes, Metric } from '@rca/core/protocol'
import type { Transaction } from 'kysely'
import { bulkInsert } from '../sqlite/bulk-insert.ts'
import type { Tables } from '../sqlite/tables.ts'

/** Cached ids, about 100 bytes each. */
const MAX_CACHED_SERIES = 500_000

const LOOKUP_BATCH_SIZE = 500

const insertSeries = bulkInsert(
  'series',
  ['agent_key', 'fingerprint', 'name', 'entity_type', 'entity_id', 'attributes', 'unit', 'kind'],
  (conflict) => conflict.columns(['agent_key', 'fingerprint']).doNothing(),
)

/** Finds series within one transaction. */
export interface SeriesLookup {
  /** Returns the id of each metric's series, creating new series. */
  resolve(transaction: Transaction<Tables>, agent: number, metrics: readonly Metric[]): Promise<number[]>
  /** Caches the found ids. Call it after the commit: the series of a failed transaction do not exist. */
  commit(): void
}

/** Caches the ids of series, so that a known series costs no query. */
export interface SeriesIndex {
  begin(): SeriesLookup
  /** Clears the cache after series were removed. */
  clear(): void
}

export function createSeriesIndex(): SeriesIndex {
  const known = new Map<string, number>()
  let generation = 0
  return {
    clear: () => {
      generation += 1
      known.clear()
    },
    begin: () => {
      const startGeneration = generation
      const found = new Map<string, number>()
      return {
        resolve: async (transaction, agent, metrics) => {
          const keys = await runInTimeSlices(hashAll(agent, metrics))
          const unknown = new Map<string, Metric>()
          for (const [index, metric] of metrics.entries()) {
            const key = keys[index] ?? ''
            if (!known.has(key) && !found.has(key)) unknown.set(key, metric)
          }
          for (const [key, id] of await findOrCreate(transaction, agent, unknown)) found.set(key, id)
          return keys.map((key) => known.get(key) ?? found.get(key) ?? 0)
        },
        commit: () => {
          if (startGeneration !== generation) return
          if (known.size + found.size > MAX_CACHED_SERIES) known.clear()
          for (const [key, id] of found) known.set(key, id)
        },
      }
    },
  }
}

function* hashAll(agent: number, metrics: readonly Metric[]): InterruptibleTask<never, string[]> {
  const keys: string[] = []
  for (const metric of metrics) {
    keys.push(`${agent} ${hashSeries(metric)}`)
    yield
  }
  return keys
}

/** Hashes the fields that identify a series, whatever the order of its attributes. */
function hashSeries({ name, entity, attributes, unit, kind }: Metric): string {
  return hash('sha1', JSON.stringify([name, entity.type, entity.id, sorted(attributes), unit, kind]), 'base64url')
}

function sorted(attributes: Attributes): [string, unknown][] {
  const entries = Object.entries(attributes)
  return entries.length < 2 ? entries : entries.sort(([left], [right]) => (left < right ? -1 : 1))
}

/** Returns the ids of series by `<agent> <hash>`, creating new series. */
async function findOrCreate(
  transaction: Transaction<Tables>,
  agent: number,
  unknown: ReadonlyMap<string, Metric>,
): Promise<Map<string, number>> {
  const ids = new Map<string, number>()
  if (unknown.size === 0) return ids
  const wanted = [...unknown].map(([key, { name, entity, attributes, unit, kind }]) => ({
    agent_key: agent,
    fingerprint: key.slice(key.indexOf(' ') + 1),
    name,
    entity_type: entity.type,
    entity_id: entity.id,
    attributes: JSON.stringify(Object.fromEntries(sorted(attributes))),
    unit,
    kind,
  }))
  await insertSeries(transaction, wanted)
  for (let start = 0; start < wanted.length; start += LOOKUP_BATCH_SIZE) {
    const part = wanted.slice(start, start + LOOKUP_BATCH_SIZE).map((row) => row.fingerprint)
    const rows = await transaction
      .selectFrom('series')
      .select(['id', 'fingerprint'])
      .where('agent_key', '=', agent)
      .where('fingerprint', 'in', part)
      .execute()
    for (const { id, fingerprint } of rows) ids.set(`${agent} ${fingerprint}`, id)
  }
  return ids
}
