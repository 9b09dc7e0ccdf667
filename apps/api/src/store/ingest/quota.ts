import { type Gap, SEVERITIES } from '@rca/core/protocol'
import { type Kysely, sql, type Transaction } from 'kysely'
import { type DroppedSignals, ENVIRONMENT_SHARES, type StoreLimits } from '../limits.ts'
import type { Tables } from '../sqlite/tables.ts'
import { createEventAllowance } from './event-allowance.ts'
import type { PreparedEntity, PreparedEvent } from './prepared-report.ts'
import { lastOfEach } from './signal-writers.ts'

/** Usage of the limits by an agent or an environment. */
export interface Usage {
  series: number
  entities: number
  stateBytes: number
}

/** Bytes of the gaps of one report. The list of agents shows all open gaps. */
const MAX_GAP_BYTES = 262_144

/** Names in the reason of a gap. */
const MAX_NAMES = 3

const LOOKUP_BATCH_SIZE = 200

type Signal = DroppedSignals['signal']
type Limit = DroppedSignals['limit']

/** The limits of the agent whose reports are written. */
export interface AgentQuota {
  /** Usage of the agent, with what this request adds. */
  readonly usage: Usage
  /** Number of new series that the agent may have. */
  roomForSeries(): number
  /** Counts new series, and points of series beyond the limits by the names of their metrics. */
  addSeries(created: number, dropped: ReadonlyMap<string, number>): void
  /**
   * Splits the entities of a report into those that can be stored, and existing ones whose new state is too large.
   * Returns the last state of each, and a function that returns the bytes of the state that it replaces.
   */
  admitEntities(
    transaction: Transaction<Tables>,
    entities: readonly PreparedEntity[],
    revision: number,
  ): Promise<{
    readonly admitted: readonly PreparedEntity[]
    readonly outdated: readonly PreparedEntity[]
    readonly replacedBytes: (entity: PreparedEntity) => number
  }>
  /** Returns the events that can be stored, the most severe first if not all can. */
  admitEvents(events: readonly PreparedEvent[]): readonly PreparedEvent[]
  admitGaps(gaps: readonly Gap[]): readonly Gap[]
  /** Returns what was dropped. */
  dropped(): readonly DroppedSignals[]
  /** Returns a gap for each kind of dropped signals: its scope and reason. */
  gaps(): readonly { readonly scope: string; readonly reason: string }[]
}

export interface Quotas {
  /** Begins a request of one environment. */
  begin(environment: string): EnvironmentQuota
  /** Forgets the usage of environments after data was removed. */
  clear(): void
}

export interface EnvironmentQuota {
  of(database: Kysely<Tables>, agent: number, usage: Usage, at: number): Promise<AgentQuota>
  /** Counts what the request added. */
  commit(): void
  /** Gives back what the request used, also after `commit`. Call it when the transaction failed. */
  rollback(): void
}

/** Limits what agents and environments store. */
export function createQuotas(limits: StoreLimits): Quotas {
  const environments = new Map<string, Usage>()
  const allowance = createEventAllowance(limits.eventsPerMinute)
  let generation = 0
  const clear = (): void => {
    generation += 1
    environments.clear()
  }
  return {
    clear,
    begin: (environment) => {
      const startGeneration = generation
      let usage: Usage | undefined
      const taken: { readonly agent: number; readonly count: number }[] = []
      return {
        of: async (database, agent, own, at) => {
          usage ??= { ...(environments.get(environment) ?? (await readUsage(database, environment))) }
          const takeEvents: TakeEvents = (count) => {
            const outcome = allowance.take(agent, environment, count, at)
            taken.push({ agent, count: outcome.granted })
            return outcome
          }
          return createAgentQuota(limits, own, usage, agent, takeEvents)
        },
        commit: () => {
          if (startGeneration === generation && usage !== undefined) environments.set(environment, usage)
        },
        rollback: () => {
          clear()
          for (const { agent, count } of taken) allowance.giveBack(agent, environment, count)
        },
      }
    },
  }
}

async function readUsage(database: Kysely<Tables>, environment: string): Promise<Usage> {
  const { rows } = await sql<Usage>`
    select coalesce(sum(series_count), 0) as series, coalesce(sum(entity_count), 0) as entities,
      coalesce(sum(entity_bytes), 0) as stateBytes
    from agents where environment = ${environment}`.execute(database)
  return rows[0] ?? { series: 0, entities: 0, stateBytes: 0 }
}

type TakeEvents = (count: number) => { readonly granted: number; readonly limit: Limit }

function createAgentQuota(
  limits: StoreLimits,
  own: Usage,
  shared: Usage,
  agent: number,
  takeEvents: TakeEvents,
): AgentQuota {
  const drops = createDrops(limits)
  const roomFor = (kind: keyof Usage): { readonly room: number; readonly limit: Limit } => {
    const ownRoom = limits[kind] - own[kind]
    const sharedRoom = ENVIRONMENT_SHARES * limits[kind] - shared[kind]
    return { room: Math.max(0, Math.min(ownRoom, sharedRoom)), limit: ownRoom <= sharedRoom ? 'agent' : 'environment' }
  }
  const use = (kind: keyof Usage, amount: number): void => {
    own[kind] += amount
    shared[kind] += amount
  }
  return {
    usage: own,
    roomForSeries: () => roomFor('series').room,
    addSeries: (created, dropped) => {
      use('series', created)
      const { limit } = roomFor('series')
      for (const [name, count] of dropped) drops.add('points', limit, name, count)
    },
    admitEntities: async (transaction, entities, revision) => {
      const admitted: PreparedEntity[] = []
      const outdated: PreparedEntity[] = []
      const stored = await readSizes(transaction, agent, entities)
      for (const entity of lastOfEach(entities, keyOf)) {
        const before = stored.get(keyOf(entity))
        // The last state of a deleted entity is kept, and so is a state from a newer report.
        const keepsState = before !== undefined && (entity.deleted === true || before.revision > revision)
        const growth = keepsState ? 0 : entity.bytes - (before?.bytes ?? 0)
        const count = before === undefined ? 1 : 0
        const [entityRoom, byteRoom] = [roomFor('entities'), roomFor('stateBytes')]
        if (count > entityRoom.room || (growth > 0 && growth > byteRoom.room)) {
          drops.add('entities', (count > entityRoom.room ? entityRoom : byteRoom).limit, entity.type, 1)
          if (before !== undefined) outdated.push(entity)
          continue
        }
        use('entities', count)
        use('stateBytes', growth)
        admitted.push(entity)
      }
      return { admitted, outdated, replacedBytes: (entity) => stored.get(keyOf(entity))?.bytes ?? 0 }
    },
    admitEvents: (events) => {
      const { granted, limit } = takeEvents(events.length)
      if (granted >= events.length) return events
      const bySeverity = events.toSorted(
        (left, right) => SEVERITIES.indexOf(right.event.severity) - SEVERITIES.indexOf(left.event.severity),
      )
      for (const { event } of bySeverity.slice(granted)) drops.add('events', limit, event.name, 1)
      return bySeverity.slice(0, granted)
    },
    admitGaps: (gaps) => {
      let bytes = 0
      const admitted = gaps.filter(({ scope, reason }) => {
        bytes += Buffer.byteLength(scope) + Buffer.byteLength(reason)
        return bytes <= MAX_GAP_BYTES
      })
      for (const { scope } of gaps.slice(admitted.length)) drops.add('gaps', 'agent', scope, 1)
      return admitted
    },
    dropped: drops.counts,
    gaps: drops.gaps,
  }
}

/** Counts dropped signals by their limit and by name. */
function createDrops(limits: StoreLimits) {
  const drops = new Map<Signal, { limit: Limit; count: number; names: Map<string, number> }>()
  return {
    add: (signal: Signal, limit: Limit, name: string, count: number): void => {
      const drop = drops.get(signal) ?? { limit, count: 0, names: new Map<string, number>() }
      drop.count += count
      drop.names.set(name, (drop.names.get(name) ?? 0) + count)
      drops.set(signal, drop)
    },
    counts: (): DroppedSignals[] => [...drops].map(([signal, { limit, count }]) => ({ signal, limit, count })),
    gaps: () =>
      [...drops].map(([signal, { limit, count, names }]) => {
        const { most, unit, remedy } = explain(signal, limit, limits)
        const frequent = [...names].toSorted(([, left], [, right]) => right - left).slice(0, MAX_NAMES)
        const examples = frequent.map(([name, number]) => `\`${name}\` (${number})`).join(', ')
        const others = names.size > MAX_NAMES ? ` and ${names.size - MAX_NAMES} others` : ''
        const reason = `The ${limit} has ${unit} (${most}): ${count} ${signal} of the last delivery were dropped, of ${examples}${others}. ${remedy}`
        return { scope: `limit:${signal}`, reason }
      }),
  }
}

function explain(
  signal: Signal,
  limit: Limit,
  limits: StoreLimits,
): { readonly most: string; readonly unit: string; readonly remedy: string } {
  const shares = limit === 'agent' ? 1 : ENVIRONMENT_SHARES
  switch (signal) {
    case 'points':
      return {
        most: `at most ${shares * limits.series}`,
        unit: 'too many series',
        remedy:
          'Remove attributes with many values from these metrics, or raise `RCA_MAX_SERIES_PER_AGENT` of the platform.',
      }
    case 'entities':
      return {
        most: `at most ${shares * limits.entities}, and ${shares * limits.stateBytes} bytes`,
        unit: 'too many or too large entities',
        remedy:
          'Watch less with one agent, or raise `RCA_MAX_ENTITIES_PER_AGENT` or `RCA_MAX_STATE_BYTES_PER_AGENT` of the platform.',
      }
    case 'events':
      return {
        most: `at most ${shares * limits.eventsPerMinute} a minute`,
        unit: 'too many events',
        remedy: 'Find out what repeats them, or raise `RCA_MAX_EVENTS_PER_MINUTE` of the platform.',
      }
    case 'gaps':
      return {
        most: `at most ${MAX_GAP_BYTES} bytes`,
        unit: 'too many gaps',
        remedy: 'Mend the gaps that are shown: the others often have the same cause.',
      }
  }
}

const keyOf = ({ type, id }: Pick<PreparedEntity, 'type' | 'id'>): string => `${type}\n${id}`

/** Reads the sizes and revisions of stored entities. */
async function readSizes(
  transaction: Transaction<Tables>,
  agent: number,
  entities: readonly PreparedEntity[],
): Promise<Map<string, { readonly bytes: number; readonly revision: number }>> {
  const sizes = new Map<string, { readonly bytes: number; readonly revision: number }>()
  for (let start = 0; start < entities.length; start += LOOKUP_BATCH_SIZE) {
    const keys = entities.slice(start, start + LOOKUP_BATCH_SIZE).map(({ type, id }) => sql`(${type}, ${id})`)
    const { rows } = await sql<{ type: string; id: string; bytes: number; revision: number }>`
      with wanted (type, id) as (values ${sql.join(keys)})
      select entities.type, entities.id, entities.revision,
        octet_length(name) + octet_length(attributes) + octet_length(relations) as bytes
      from wanted cross join entities
        on entities.agent_key = ${agent} and entities.type = wanted.type and entities.id = wanted.id`.execute(
      transaction,
    )
    for (const row of rows) sizes.set(keyOf(row), row)
  }
  return sizes
}
