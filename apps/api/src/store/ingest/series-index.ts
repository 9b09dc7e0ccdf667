import { hash } from 'node:crypto'
import type { Attributes, Metric } from '@rca/core/protocol'
import type { Insertable, Transaction } from 'kysely'
import { bulkInsert } from '../sqlite/bulk-insert.ts'
import type { Tables } from '../sqlite/tables.ts'

/** Most series whose ids are kept in memory (about 100 bytes each). */
const KEPT = 500_000

/** Series whose ids are asked for in one statement. */
const LOOKED_UP = 500

type SeriesRow = Omit<Insertable<Tables['series']>, 'id'>

const insertSeries = bulkInsert<SeriesRow>(
  ['agent_key', 'fingerprint', 'name', 'entity_type', 'entity_id', 'attributes', 'unit', 'kind'],
  (transaction, rows) =>
    transaction
      .insertInto('series')
      .values([...rows])
      .onConflict((conflict) => conflict.columns(['agent_key', 'fingerprint']).doNothing())
      .compile(),
)

/** What one transaction finds out about series. */
export interface SeriesLookup {
  /** The series of each metric, created where it is new. */
  resolve(transaction: Transaction<Tables>, agent: number, metrics: readonly Metric[]): Promise<number[]>
  /** Keeps what was found. To be called once the transaction is committed: series of one that failed do not exist. */
  commit(): void
}

/** Remembers the ids of series, so that a known series costs no query. */
export interface SeriesIndex {
  begin(): SeriesLookup
  /** Forgets everything: series were removed. */
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
      const begun = generation
      const found = new Map<string, number>()
      return {
        resolve: async (transaction, agent, metrics) => {
          const keys = metrics.map((metric) => `${agent} ${fingerprintOf(metric)}`)
          const unknown = new Map<string, Metric>()
          for (const [index, metric] of metrics.entries()) {
            const key = keys[index] ?? ''
            if (!known.has(key) && !found.has(key)) unknown.set(key, metric)
          }
          for (const [key, id] of await findOrCreate(transaction, agent, unknown)) found.set(key, id)
          return keys.map((key) => known.get(key) ?? found.get(key) ?? 0)
        },
        commit: () => {
          if (begun !== generation) return
          if (known.size + found.size > KEPT) known.clear()
          for (const [key, id] of found) known.set(key, id)
        },
      }
    },
  }
}

/** What makes a series what it is. The order of attributes does not. */
function fingerprintOf({ name, entity, attributes, unit, kind }: Metric): string {
  return hash('sha1', JSON.stringify([name, entity.type, entity.id, sorted(attributes), unit, kind]), 'base64url')
}

function sorted(attributes: Attributes): [string, unknown][] {
  const entries = Object.entries(attributes)
  return entries.length < 2 ? entries : entries.sort(([left], [right]) => (left < right ? -1 : 1))
}

/** The ids of series by `<agent> <fingerprint>`. Those that are new are created. */
async function findOrCreate(
  transaction: Transaction<Tables>,
  agent: number,
  unknown: ReadonlyMap<string, Metric>,
): Promise<Map<string, number>> {
  const ids = new Map<string, number>()
  if (unknown.size === 0) return ids
  const wanted = [...unknown].map(
    ([key, metric]): SeriesRow => ({
      agent_key: agent,
      fingerprint: key.slice(key.indexOf(' ') + 1),
      name: metric.name,
      entity_type: metric.entity.type,
      entity_id: metric.entity.id,
      attributes: JSON.stringify(Object.fromEntries(sorted(metric.attributes))),
      unit: metric.unit,
      kind: metric.kind,
    }),
  )
  await insertSeries(transaction, wanted)
  for (let start = 0; start < wanted.length; start += LOOKED_UP) {
    const part = wanted.slice(start, start + LOOKED_UP).map((row) => row.fingerprint)
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
