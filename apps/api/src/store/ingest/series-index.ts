import { hash } from 'node:crypto'
import { type Metric, sortedAttributes } from '@rca/core/protocol'
import type { Transaction } from 'kysely'
import { bulkInsert } from '../sqlite/bulk-insert.ts'
import type { Tables } from '../sqlite/tables.ts'
import { createSeriesSetCache } from './series-set-cache.ts'

/** Cached ids, about 100 bytes each. */
const MAX_CACHED_SERIES = 500_000

const LOOKUP_BATCH_SIZE = 500

const insertSeries = bulkInsert(
  'series',
  ['agent_key', 'fingerprint', 'name', 'entity_type', 'entity_id', 'attributes', 'unit', 'kind'],
  (conflict) => conflict.columns(['agent_key', 'fingerprint']).doNothing(),
)

export interface PreparedMetric {
  readonly metric: Metric
  /** Identifies its series among those of an agent: see `seriesKeyOf`. */
  readonly seriesKey: string
}

/** Series of one agent, and how many it may have. */
export interface SeriesRoom {
  /** Number of stored series. */
  readonly stored: number
  /** Number of series that may be created. */
  readonly room: number
}

/** Series of metrics. */
export interface ResolvedSeries {
  /** The id of each metric's series, `undefined` for a new one for which there was no room. */
  readonly ids: readonly (number | undefined)[]
  /** Number of new series. */
  readonly created: number
}

/** Finds series within one transaction. */
export interface SeriesLookup {
  /** Finds the series of metrics, and creates new ones. */
  resolve(
    transaction: Transaction<Tables>,
    agent: number,
    metrics: readonly PreparedMetric[],
    room: SeriesRoom,
  ): Promise<ResolvedSeries>
  /** Returns the ids of a set of series, `undefined` if it is not cached. */
  findSet(agent: number, set: string): readonly number[] | undefined
  /** Adds a set of series, which must be stored. */
  addSet(agent: number, set: string, ids: readonly number[]): void
  /** Caches the found ids and sets. Call it after the commit: the series of a failed transaction do not exist. */
  commit(): void
}

/** Caches the ids of series and of sets of series, so that a known series costs no query, and a known set no hashes. */
export interface SeriesIndex {
  begin(): SeriesLookup
  /** Clears the cache after series were removed. */
  clear(): void
}

export function createSeriesIndex(): SeriesIndex {
  const known = new Map<string, number>()
  /** Number of cached series of each agent. */
  const sizes = new Map<number, number>()
  const sets = createSeriesSetCache()
  let generation = 0
  const clear = (): void => {
    known.clear()
    sizes.clear()
  }
  return {
    clear: () => {
      generation += 1
      clear()
      sets.clear()
    },
    begin: () => {
      const startGeneration = generation
      const found = new Map<string, number>()
      const foundSizes = new Map<number, number>()
      const foundSets: (readonly [agent: number, set: string, ids: readonly number[]])[] = []
      return {
        resolve: async (transaction, agent, metrics, room) => {
          const keys = metrics.map(({ seriesKey }) => `${agent} ${fingerprintOf(seriesKey)}`)
          const unknown = new Map<string, Metric>()
          for (const [index, { metric }] of metrics.entries()) {
            const key = keys[index] ?? ''
            if (!known.has(key) && !found.has(key)) unknown.set(key, metric)
          }
          const cached = (sizes.get(agent) ?? 0) + (foundSizes.get(agent) ?? 0)
          const { ids, created } = await findOrCreate(transaction, agent, unknown, room, cached >= room.stored)
          for (const [key, id] of ids) found.set(key, id)
          foundSizes.set(agent, (foundSizes.get(agent) ?? 0) + ids.size)
          return { ids: keys.map((key) => known.get(key) ?? found.get(key)), created }
        },
        findSet: sets.find,
        addSet: (...set) => void foundSets.push(set),
        commit: () => {
          if (startGeneration !== generation) return
          for (const set of foundSets) sets.add(...set)
          if (known.size + found.size > MAX_CACHED_SERIES) clear()
          for (const [key, id] of found) {
            if (known.has(key)) continue
            known.set(key, id)
            const agent = agentOf(key)
            sizes.set(agent, (sizes.get(agent) ?? 0) + 1)
          }
        },
      }
    },
  }
}

/** Hashes the key of a series, as it is stored. */
function fingerprintOf(seriesKey: string): string {
  return hash('sha1', seriesKey, 'base64url')
}

function agentOf(key: string): number {
  return Number(key.slice(0, key.indexOf(' ')))
}

/** Returns the ids of series by `<agent> <hash>`, creating new series. @param areNew true if none of them is stored */
async function findOrCreate(
  transaction: Transaction<Tables>,
  agent: number,
  unknown: ReadonlyMap<string, Metric>,
  { room }: SeriesRoom,
  areNew: boolean,
): Promise<{ readonly ids: ReadonlyMap<string, number>; readonly created: number }> {
  const stored = areNew ? new Map<string, number>() : await findIds(transaction, agent, [...unknown.keys()])
  const missing = [...unknown].filter(([key]) => !stored.has(key)).slice(0, room)
  if (missing.length === 0) return { ids: stored, created: 0 }
  await insertSeries(
    transaction,
    missing.map(([key, { name, entity, attributes, unit, kind }]) => ({
      agent_key: agent,
      fingerprint: fingerprintIn(key),
      name,
      entity_type: entity.type,
      entity_id: entity.id,
      attributes: JSON.stringify(Object.fromEntries(sortedAttributes(attributes))),
      unit,
      kind,
    })),
  )
  const keys = missing.map(([key]) => key)
  return { ids: new Map([...stored, ...(await findIds(transaction, agent, keys))]), created: missing.length }
}

function fingerprintIn(key: string): string {
  return key.slice(key.indexOf(' ') + 1)
}

async function findIds(
  transaction: Transaction<Tables>,
  agent: number,
  keys: readonly string[],
): Promise<Map<string, number>> {
  const ids = new Map<string, number>()
  for (let start = 0; start < keys.length; start += LOOKUP_BATCH_SIZE) {
    const rows = await transaction
      .selectFrom('series')
      .select(['id', 'fingerprint'])
      .where('agent_key', '=', agent)
      .where('fingerprint', 'in', keys.slice(start, start + LOOKUP_BATCH_SIZE).map(fingerprintIn))
      .execute()
    for (const { id, fingerprint } of rows) ids.set(`${agent} ${fingerprint}`, id)
  }
  return ids
}
