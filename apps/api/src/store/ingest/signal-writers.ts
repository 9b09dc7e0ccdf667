import { sql, type Transaction } from 'kysely'
import { bulkInsert } from '../sqlite/bulk-insert.ts'
import type { Tables } from '../sqlite/tables.ts'
import { withoutPacked } from './late-points.ts'
import type { PreparedEntity } from './prepared-report.ts'

/** Values of a report that its rows share: the agent, the corrected time and the revision. */
export interface ReportStamp {
  readonly agent: number
  readonly at: number
  readonly revision: number
}

/** A deleted entity keeps its last state. An older report never overwrites a newer one. */
const insertEntities = bulkInsert(
  'entities',
  [
    'agent_key',
    'type',
    'id',
    'name',
    'attributes',
    'relations',
    'first_seen_at',
    'updated_at',
    'deleted_at',
    'revision',
  ],
  (conflict) =>
    conflict
      .columns(['agent_key', 'type', 'id'])
      .doUpdateSet({
        name: sql`case when excluded.deleted_at is null then excluded.name else entities.name end`,
        attributes: sql`case when excluded.deleted_at is null then excluded.attributes else entities.attributes end`,
        relations: sql`case when excluded.deleted_at is null then excluded.relations else entities.relations end`,
        updated_at: sql`excluded.updated_at`,
        deleted_at: sql`excluded.deleted_at`,
        revision: sql`excluded.revision`,
      })
      .where(sql<boolean>`excluded.revision >= entities.revision`),
)

const POINT_COLUMNS = ['series_id', 'at', 'value'] as const

const insertPoints = bulkInsert('points', POINT_COLUMNS, (conflict) =>
  conflict.columns(['series_id', 'at']).doUpdateSet({ value: sql`excluded.value` }),
)

const insertMissingPoints = bulkInsert('points', POINT_COLUMNS, (conflict) =>
  conflict.columns(['series_id', 'at']).doNothing(),
)

/** Writes events, skipping those whose id is stored. */
export const writeEvents = bulkInsert(
  'events',
  ['agent_key', 'event_id', 'name', 'at', 'severity', 'entity_type', 'entity_id', 'body', 'attributes'],
  (conflict) => conflict.columns(['agent_key', 'event_id']).doNothing(),
)

const insertGaps = bulkInsert(
  'gaps',
  ['agent_key', 'scope', 'since', 'reason', 'last_reported_at', 'revision'],
  (conflict) =>
    conflict
      .columns(['agent_key', 'scope', 'since'])
      .doUpdateSet({
        reason: sql`excluded.reason`,
        last_reported_at: sql`excluded.last_reported_at`,
        revision: sql`excluded.revision`,
      })
      .where(sql<boolean>`excluded.revision >= gaps.revision`),
)

/** Creates and updates entities, and marks deleted ones. Each entity is contained once. */
export async function writeEntities(
  transaction: Transaction<Tables>,
  { agent, at, revision }: ReportStamp,
  entities: readonly PreparedEntity[],
): Promise<void> {
  const rows = entities.map((entity) => ({
    agent_key: agent,
    type: entity.type,
    id: entity.id,
    name: entity.name,
    attributes: entity.attributes,
    relations: entity.relations,
    first_seen_at: at,
    updated_at: at,
    deleted_at: entity.deleted === true ? at : null,
    revision,
  }))
  await insertEntities(transaction, rows)
}

/** Stores that a report contains entities whose state is not stored: they still exist. */
export async function keepEntities(
  transaction: Transaction<Tables>,
  { agent, at, revision }: ReportStamp,
  entities: readonly PreparedEntity[],
): Promise<void> {
  if (entities.length === 0) return
  const keys = JSON.stringify(entities.map(({ type, id }) => [type, id]))
  await transaction
    .updateTable('entities')
    .set({ revision, updated_at: at, deleted_at: null })
    .where('agent_key', '=', agent)
    .where(sql<boolean>`(type, id) in (select value ->> 0, value ->> 1 from json_each(${keys}))`)
    .where('revision', '<=', revision)
    .execute()
}

/** Writes points. Of a series and time, the last point of the newest report wins. */
export async function writePoints(
  transaction: Transaction<Tables>,
  points: readonly Tables['points'][],
  isLate: boolean,
): Promise<void> {
  const [first] = points
  // Most reports have no dated points.
  const keyOf = points.every(({ at }) => at === first?.at)
    ? ({ series_id }: Tables['points']) => series_id
    : ({ series_id, at }: Tables['points']) => `${series_id} ${at}`
  const rows = lastOfEach(points, keyOf)
  if (isLate) await insertMissingPoints(transaction, await withoutPacked(transaction, rows))
  else await insertPoints(transaction, rows)
}

/** Writes new gaps, and updates gaps that are still open. A gap with an end is closed at once. */
export async function writeGaps(
  transaction: Transaction<Tables>,
  { agent, at, revision }: ReportStamp,
  gaps: readonly (Pick<Tables['gaps'], 'scope' | 'since' | 'reason'> & { readonly until?: number })[],
): Promise<void> {
  const rows = gaps.map(({ until, ...gap }) => ({
    ...gap,
    agent_key: agent,
    last_reported_at: until ?? at,
    revision: until === undefined ? revision : revision - 1,
  }))
  await insertGaps(
    transaction,
    lastOfEach(rows, ({ scope, since }) => `${since}\n${scope}`),
  )
}

/** Returns the last item of each key. */
export function lastOfEach<Item>(items: readonly Item[], keyOf: (item: Item) => string | number): readonly Item[] {
  const byKey = new Map(items.map((item) => [keyOf(item), item]))
  return byKey.size === items.length ? items : [...byKey.values()]
}
