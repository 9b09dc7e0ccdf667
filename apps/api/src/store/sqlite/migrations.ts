import type { DatabaseSync } from 'node:sqlite'
import { type Kysely, sql } from 'kysely'
import { DEFAULT_MIGRATION_TABLE, type Migration, Migrator } from 'kysely/migration'

const FIRST_MIGRATION = '2026-11-22-first-schema'

/** Changes of the schema, in order. Never edit a released migration. */
const MIGRATIONS: Readonly<Record<string, Migration>> = {
  [FIRST_MIGRATION]: { up: (database) => run(database, FIRST_SCHEMA) },
  '2026-11-25-instances': { up: (database) => run(database, INSTANCES) },
  '2026-11-25-parts': { up: (database) => run(database, PARTS) },
  '2026-11-30-enrolment': { up: (database) => run(database, ENROLMENT) },
  '2026-11-30-ids': { up: neverReuseIds },
  '2026-12-01-trails': { up: (database) => run(database, TRAILS) },
  '2026-12-01-data-flow': { up: (database) => run(database, DATA_FLOW) },
  '2026-12-02-access-tokens': { up: (database) => run(database, ACCESS_TOKENS) },
  '2026-12-02-audit': { up: (database) => run(database, AUDIT) },
  '2026-12-03-event-indexes': { up: (database) => run(database, EVENT_INDEXES) },
  '2026-12-03-lost-reports': { up: (database) => run(database, LOST_REPORTS) },
  '2026-12-04-usage': { up: (database) => run(database, USAGE) },
  '2026-12-05-smaller-trails': { up: (database) => run(database, SMALLER_TRAILS) },
  '2026-12-06-removals': { up: (database) => run(database, REMOVALS) },
  '2026-12-07-list-indexes': { up: (database) => run(database, LIST_INDEXES) },
  '2026-12-08-connectors': { up: (database) => run(database, CONNECTORS) },
  '2026-12-09-change-steps': { up: (database) => run(database, CHANGE_STEPS) },
  '2026-12-10-point-blocks': { up: (database) => run(database, POINT_BLOCKS) },
}

/** Thrown for a file with the tables of another program. */
export class ForeignDatabaseError extends Error {
  constructor(table: string) {
    super(`it belongs to another program, with a table \`${table}\``)
    this.name = 'ForeignDatabaseError'
  }
}

/** Reads a file without changing it. @throws {ForeignDatabaseError} when it has tables, and none of this API */
export function checkOwner(database: DatabaseSync): void {
  const tables = database.prepare("select name from sqlite_schema where type = 'table'").all() as { name: string }[]
  const foreign = tables.find(({ name }) => !/^(?:sqlite|kysely)_/.test(name))
  if (foreign === undefined) return
  const isMigrated =
    tables.some(({ name }) => name === DEFAULT_MIGRATION_TABLE) &&
    database.prepare(`select 1 from ${DEFAULT_MIGRATION_TABLE} where name = ?`).get(FIRST_MIGRATION) !== undefined
  if (!isMigrated) throw new ForeignDatabaseError(foreign.name)
}

/**
 * Migrates to the newest schema, in one transaction: a migration that fails or is killed leaves the schema of before.
 *
 * @throws {Error} when that fails, or when a newer version has migrated the database.
 */
export async function migrate<Database>(database: Kysely<Database>): Promise<void> {
  const migrator = new Migrator({ db: database, provider: { getMigrations: async () => ({ ...MIGRATIONS }) } })
  // A table that is replaced is dropped first, which would delete the rows that refer to it.
  await sql`pragma foreign_keys = off`.execute(database)
  const { error } = await migrator.migrateToLatest()
  await sql`pragma foreign_keys = on`.execute(database)
  if (error === undefined) return
  const reason = error instanceof Error ? error.message : String(error)
  throw new Error(
    `The database could not be migrated to the schema of this version (${reason}). If a newer version has migrated it, run that version; otherwise restore a backup.`,
    { cause: error },
  )
}

async function run(database: Kysely<unknown>, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(database)
}

/**
 * `without rowid` stores a table in its primary key, so that the points of a series are adjacent and need no second
 * index. Tables that are written for every report have no foreign keys.
 */
const FIRST_SCHEMA = [
  `create table environments (
    name text not null primary key,
    created_at integer not null
  ) without rowid`,
  `create table provisions (
    environment text not null references environments (name) on delete cascade,
    agent_type text not null,
    config text not null,
    withheld text not null,
    created_at integer not null,
    primary key (environment, agent_type)
  ) without rowid`,
  `create table tokens (
    id integer primary key,
    environment text not null references environments (name) on delete cascade,
    agent_type text not null,
    hash text not null unique,
    created_at integer not null,
    expires_at integer,
    revoked_at integer,
    last_used_at integer
  )`,
  'create index tokens_by_environment on tokens (environment, agent_type)',
  `create table agents (
    key integer primary key,
    environment text not null references environments (name) on delete cascade,
    agent_type text not null,
    agent_id text not null,
    agent_version text not null,
    name text,
    started_at integer,
    first_seen_at integer not null,
    last_seen_at integer not null,
    last_heartbeat_at integer,
    last_report_at integer,
    clock_offset integer not null default 0,
    newest_revision integer not null default 0,
    newest_sequence integer not null default 0,
    newest_report_id text not null default '',
    provisional integer not null default 0,
    interval_seconds real,
    collectors text,
    outbox text,
    unique (environment, agent_type, agent_id)
  )`,
  'create index agents_by_id on agents (agent_id)',
  `create table reports (
    agent_key integer not null,
    report_id text not null,
    received_at integer not null,
    primary key (agent_key, report_id)
  ) without rowid`,
  'create index reports_by_age on reports (received_at)',
  `create table entities (
    agent_key integer not null,
    type text not null,
    id text not null,
    name text not null,
    attributes text not null,
    relations text not null,
    first_seen_at integer not null,
    updated_at integer not null,
    deleted_at integer,
    revision integer not null,
    primary key (agent_key, type, id)
  ) without rowid`,
  'create index entities_deleted on entities (deleted_at) where deleted_at is not null',
  `create table series (
    id integer primary key,
    agent_key integer not null,
    fingerprint text not null,
    name text not null,
    entity_type text not null,
    entity_id text not null,
    attributes text not null,
    unit text not null,
    kind text not null,
    unique (agent_key, fingerprint)
  )`,
  'create index series_by_name on series (name, agent_key)',
  `create table points (
    series_id integer not null,
    at integer not null,
    value real not null,
    primary key (series_id, at)
  ) without rowid`,
  `create table events (
    key integer primary key,
    agent_key integer not null,
    event_id text,
    name text not null,
    at integer not null,
    severity integer not null,
    entity_type text not null,
    entity_id text not null,
    body text not null,
    attributes text not null,
    unique (agent_key, event_id)
  )`,
  'create index events_by_time on events (at, key)',
  'create index events_by_agent on events (agent_key, at)',
  `create table gaps (
    agent_key integer not null,
    scope text not null,
    since integer not null,
    reason text not null,
    last_reported_at integer not null,
    revision integer not null,
    primary key (agent_key, scope, since)
  ) without rowid`,
]

/** Replicas of an agent and their leader terms. */
const INSTANCES = [
  `alter table agents add column newest_lead text not null default ''`,
  `alter table agents add column standing_by integer not null default 0`,
  `create table agent_instances (
    agent_key integer not null,
    instance_id text not null,
    role text not null,
    started_at integer not null,
    agent_version text not null,
    collectors text not null,
    outbox text not null,
    last_heartbeat_at integer not null,
    interval_seconds real not null,
    primary key (agent_key, instance_id)
  ) without rowid`,
  'create index agent_instances_by_age on agent_instances (last_heartbeat_at)',
  `create table agent_leads (
    agent_key integer not null,
    lead_id text not null,
    revision integer not null,
    sequence integer not null,
    ceiling integer,
    last_report_at integer not null,
    primary key (agent_key, lead_id)
  ) without rowid`,
  'create index agent_leads_by_age on agent_leads (last_report_at)',
]

/** Parts of snapshots that are too large for one report, until all parts have arrived. */
const PARTS = [
  `create table snapshot_parts (
    agent_key integer not null,
    first_id text not null,
    number integer not null,
    last integer not null,
    revision integer not null,
    received_at integer not null,
    primary key (agent_key, first_id, number)
  ) without rowid`,
  'create index snapshot_parts_by_age on snapshot_parts (received_at)',
]

/** Lifetimes and uses of tokens, keys of single agents, and cloned agents. Existing tokens have no limits. */
const ENROLMENT = [
  'alter table provisions add column token_ttl integer',
  'alter table provisions add column token_uses integer',
  'alter table tokens add column joinable_until integer',
  'alter table tokens add column max_agents integer',
  `create table token_agents (
    token_id integer not null references tokens (id) on delete cascade,
    agent_id text not null,
    joined_at integer not null,
    last_used_at integer not null,
    primary key (token_id, agent_id)
  ) without rowid`,
  `create table agent_keys (
    id integer primary key,
    environment text not null references environments (name) on delete cascade,
    agent_type text not null,
    agent_id text not null,
    token_id integer not null,
    hash text not null unique,
    created_at integer not null,
    expires_at integer not null,
    revoked_at integer,
    replaces_id integer,
    confirmed_at integer,
    last_used_at integer
  )`,
  'create index agent_keys_by_agent on agent_keys (agent_id, environment, agent_type)',
  'create index agent_keys_by_expiry on agent_keys (expires_at)',
  `create table agent_revocations (
    environment text not null references environments (name) on delete cascade,
    agent_type text not null,
    agent_id text not null,
    revoked_at integer not null,
    primary key (environment, agent_type, agent_id)
  ) without rowid`,
  'alter table agents add column key_expires_at integer',
  'alter table agents add column revoked_at integer',
  `alter table agents add column processes text not null default '[]'`,
  'alter table agents add column cloned_at integer',
  'alter table agents add column clones integer not null default 0',
]

/** Tables whose ids other tables, processes or clients keep. */
const TABLES_WITH_IDS = ['tokens', 'agents', 'agent_keys', 'series']

/**
 * Replaces tables by copies with `autoincrement`. Without it, SQLite gives the id of a removed last row to the next
 * one: points that are on their way to a removed series would become those of another agent.
 */
async function neverReuseIds(database: Kysely<unknown>): Promise<void> {
  for (const table of TABLES_WITH_IDS) {
    const { rows } = await sql<{ sql: string }>`
      select sql from sqlite_schema where tbl_name = ${table} and sql is not null order by type = 'index'`.execute(
      database,
    )
    const [create = '', ...indexes] = rows.map((row) => row.sql)
    await run(database, [
      create
        .replace(/^create table \W?\w+\W?/i, `create table ${table}_copy `)
        .replace('integer primary key', 'integer primary key autoincrement'),
      `insert into ${table}_copy select * from ${table}`,
      `drop table ${table}`,
      `alter table ${table}_copy rename to ${table}`,
      ...indexes,
    ])
  }
  const { rows } = await sql`pragma foreign_key_check`.execute(database)
  if (rows.length > 0) throw new Error(`${rows.length} rows refer to rows that do not exist`)
}

/** Copies the labels of an entity, named as in `k8s.pod.label.app`. @param row `new` or `entities` */
const copyLabels = (row: string): string => `insert or ignore into entity_labels
  select substr(label.key, instr(label.key, '.label.') + 7), label.value, ${row}.agent_key, ${row}.type, ${row}.id`

/** Copies the relations of an entity. @param row `new` or `entities` */
const copyRelations = (row: string): string => `insert or ignore into relations
  select ${row}.agent_key, ${row}.type, ${row}.id, relation.value ->> 'type',
    relation.value ->> '$.target.type', relation.value ->> '$.target.id'`

const LABELS_OF = (row: string): string =>
  `json_each(${row}.attributes) as label where label.key like '%.label.%' and label.type = 'text'`

const RELATIONS_OF = (row: string): string => `json_each(${row}.relations) as relation`

/**
 * Relations and labels of entities as rows, which triggers derive from the entities, and indices for the events of an
 * incident.
 */
const TRAILS = [
  `create table relations (
    agent_key integer not null,
    type text not null,
    id text not null,
    relation text not null,
    target_type text not null,
    target_id text not null,
    primary key (agent_key, type, id, relation, target_type, target_id)
  ) without rowid`,
  'create index relations_by_target on relations (target_type, target_id, agent_key, relation)',
  `create table entity_labels (
    name text not null,
    value text not null,
    agent_key integer not null,
    type text not null,
    id text not null,
    primary key (agent_key, type, id, name, value)
  ) without rowid`,
  'create index entity_labels_by_value on entity_labels (name, value)',
  `${copyRelations('entities')} from entities, ${RELATIONS_OF('entities')}`,
  `${copyLabels('entities')} from entities, ${LABELS_OF('entities')}`,
  `create trigger entities_inserted after insert on entities begin
    ${copyRelations('new')} from ${RELATIONS_OF('new')};
    ${copyLabels('new')} from ${LABELS_OF('new')};
  end`,
  `create trigger entity_relations_updated after update of relations on entities
  when old.relations <> new.relations begin
    delete from relations where agent_key = new.agent_key and type = new.type and id = new.id;
    ${copyRelations('new')} from ${RELATIONS_OF('new')};
  end`,
  `create trigger entity_labels_updated after update of attributes on entities
  when old.attributes <> new.attributes begin
    delete from entity_labels where agent_key = new.agent_key and type = new.type and id = new.id;
    ${copyLabels('new')} from ${LABELS_OF('new')};
  end`,
  `create trigger entities_deleted_rows after delete on entities begin
    delete from relations where agent_key = old.agent_key and type = old.type and id = old.id;
    delete from entity_labels where agent_key = old.agent_key and type = old.type and id = old.id;
  end`,
  'create index entities_by_id on entities (type, id)',
  'create index events_by_entity on events (agent_key, entity_type, entity_id, at)',
  `create index events_by_namespace on events (attributes ->> '$."k8s.namespace.name"', at)
    where attributes ->> '$."k8s.namespace.name"' is not null`,
]

/** Columns that show that an agent sends heartbeats and no reports. */
const DATA_FLOW = [
  'alter table agents add column report_interval_seconds real',
  'alter table agents add column last_delivery_at integer',
  'alter table agents add column online_since integer',
  'update agents set last_delivery_at = last_report_at',
]

/** Tokens of people and programs. Ids are never used again: the audit trail names them. */
const ACCESS_TOKENS = [
  `create table access_tokens (
    id integer primary key autoincrement,
    name text not null,
    scopes text not null,
    environments text,
    hash text not null unique,
    created_at integer not null,
    ttl integer,
    expires_at integer,
    revoked_at integer,
    last_used_at integer
  )`,
  'create index access_tokens_by_name on access_tokens (name)',
]

/** Changes and refusals. */
const AUDIT = [
  `create table audit (
    id integer primary key autoincrement,
    at integer not null,
    last_at integer not null,
    count integer not null,
    outcome text not null,
    status integer not null,
    action text not null,
    actor text not null,
    actor_id integer,
    actor_name text,
    address text not null,
    environment text,
    agent_type text,
    agent_id text,
    token_name text,
    detail text
  )`,
  'create index audit_by_time on audit (last_at, id)',
  'create index audit_refusals on audit (address, at) where status >= 400',
]

/** Indexes for every condition of a list of events that may select few of many. Those by severity have a few each. */
const EVENT_INDEXES = [
  'drop index events_by_entity',
  'create index events_by_entity on events (entity_type, entity_id, at, agent_key)',
  'create index events_by_name on events (name, at)',
  'create index events_from_warning on events (at) where severity >= 1',
  'create index events_from_error on events (at) where severity >= 2',
  'create index events_from_critical on events (at) where severity >= 3',
]

/** Sequences of reports that did not arrive. */
const LOST_REPORTS = [
  'alter table gaps add column first_missing integer',
  'alter table gaps add column last_missing integer',
]

/** Usage of the limits by each agent. */
const USAGE = [
  'alter table agents add column series_count integer not null default 0',
  'alter table agents add column entity_count integer not null default 0',
  'alter table agents add column entity_bytes integer not null default 0',
  'update agents set series_count = (select count(*) from series where agent_key = agents.key)',
  `update agents set (entity_count, entity_bytes) = (
    select count(*), coalesce(sum(octet_length(name) + octet_length(attributes) + octet_length(relations)), 0)
    from entities where agent_key = agents.key
  )`,
]

/** Selects the rows of `relations` for an entity: `old`, `new` or, with tables before it, `entities`. */
const relationRows = (row: string, source = ''): string => `select relation.value ->> '$.target.type',
    relation.value ->> '$.target.id', ${row}.agent_key, relation.value ->> 'type', ${row}.type, ${row}.id
  from ${source} json_each(${row}.relations) as relation`

/** Selects the rows of `entity_labels` for an entity: `old`, `new` or, with tables before it, `entities`. */
const labelRows = (row: string, source = ''): string => `select substr(label.key, instr(label.key, '.label.') + 7),
    label.value, ${row}.agent_key, ${row}.type, ${row}.id
  from ${source} json_each(${row}.attributes) as label where instr(label.key, '.label.') > 0 and label.type = 'text'`

const RELATIONS_KEY = '(target_type, target_id, agent_key, relation, type, id)'
const LABELS_KEY = '(name, value, agent_key, type, id)'

/**
 * Stores each relation and label once, by its target and by its value. The relations of an entity are in its own row.
 * Most updates change neither: their triggers write only what differs.
 */
const SMALLER_TRAILS = [
  ...['entities_inserted', 'entity_relations_updated', 'entity_labels_updated', 'entities_deleted_rows'].map(
    (trigger) => `drop trigger ${trigger}`,
  ),
  'drop table relations',
  'drop table entity_labels',
  `create table relations (
    target_type text not null,
    target_id text not null,
    agent_key integer not null,
    relation text not null,
    type text not null,
    id text not null,
    primary key ${RELATIONS_KEY}
  ) without rowid`,
  `create table entity_labels (
    name text not null,
    value text not null,
    agent_key integer not null,
    type text not null,
    id text not null,
    primary key ${LABELS_KEY}
  ) without rowid`,
  `insert or ignore into relations ${relationRows('entities', 'entities,')}`,
  `insert or ignore into entity_labels ${labelRows('entities', 'entities,')}`,
  `create trigger entity_relations_inserted after insert on entities when new.relations <> '[]' begin
    insert or ignore into relations ${relationRows('new')};
  end`,
  `create trigger entity_labels_inserted after insert on entities when instr(new.attributes, '.label.') > 0 begin
    insert or ignore into entity_labels ${labelRows('new')};
  end`,
  // In triggers of an upsert that updates, SQLite ignores the words `or ignore`: only missing rows are inserted.
  // A difference is selected from: as the list of `in` itself, it would be compared with every row of the table.
  `create trigger entity_relations_updated after update of relations on entities
  when old.relations <> new.relations begin
    delete from relations where ${RELATIONS_KEY} in (
      select * from (${relationRows('old')} except ${relationRows('new')}));
    insert into relations ${relationRows('new')} except ${relationRows('old')};
  end`,
  `create trigger entity_labels_updated after update of attributes on entities
  when old.attributes <> new.attributes begin
    delete from entity_labels where ${LABELS_KEY} in (
      select * from (${labelRows('old')} except ${labelRows('new')}));
    insert into entity_labels ${labelRows('new')} except ${labelRows('old')};
  end`,
  `create trigger entities_deleted_rows after delete on entities begin
    delete from relations where ${RELATIONS_KEY} in (${relationRows('old')});
    delete from entity_labels where ${LABELS_KEY} in (${labelRows('old')});
  end`,
]

/** Removed agents whose data is still stored. */
const REMOVALS = ['create table removed_agents (agent_key integer primary key)']

/** The series of an agent in the order of a list, and its open gaps. */
const LIST_INDEXES = [
  'create index series_by_agent on series (agent_key)',
  'create index gaps_by_revision on gaps (agent_key, revision)',
]

/** Packages of the connectors of agents and their replicas. */
const CONNECTORS = ['agents', 'agent_instances'].map((table) => `alter table ${table} add column connector text`)

/** Selects the steps that an event lists, and the event as a step of the change that it names. */
const STEP_ROWS = `select agent_key, step_id, change_id from (
    select new.agent_key, listed.value as step_id, new.event_id as change_id
      from json_each(new.attributes -> '$."change.steps"') as listed
    union select new.agent_key, new.event_id, new.attributes ->> '$."step.change_id"') as found
  where change_id is not null and not exists (select 1 from change_steps as known
    where known.agent_key = found.agent_key and known.step_id = found.step_id and known.change_id = found.change_id)`

/** Returns a condition for events that are a step or list steps: few of all. */
const hasSteps = (row: string): string => `${row}.event_id is not null
  and (instr(${row}.attributes, '"change.steps"') > 0 or instr(${row}.attributes, '"step.change_id"') > 0)`

/** Steps of changes by their ids and by their change, which triggers derive from the attributes of events. */
const CHANGE_STEPS = [
  `create table change_steps (
    agent_key integer not null,
    step_id text not null,
    change_id text not null,
    primary key (agent_key, step_id, change_id)
  ) without rowid`,
  'create index change_steps_by_change on change_steps (agent_key, change_id)',
  `create trigger events_with_steps_inserted after insert on events when ${hasSteps('new')} begin
    insert into change_steps ${STEP_ROWS};
  end`,
  `create trigger events_with_steps_deleted after delete on events when ${hasSteps('old')} begin
    delete from change_steps where agent_key = old.agent_key and step_id = old.event_id;
    delete from change_steps where agent_key = old.agent_key and change_id = old.event_id;
  end`,
]

/** Packed points. A table with row ids keeps several blocks in a page, and those of one series next to each other. */
const POINT_BLOCKS = [
  `create table point_blocks (
    key integer primary key,
    count integer not null,
    points blob not null
  )`,
]
