import { type ConnectorOrigin, type HeartbeatRequest, SEVERITIES } from '@rca/core/protocol'
import type { Selectable, Transaction } from 'kysely'
import type { AgentIdentity } from '../records.ts'
import type { Tables } from '../sqlite/tables.ts'
import { type HeartbeatOutcome, isCloned } from '../store.ts'
import { MAX_CLOCK_DIFFERENCE_MS } from './clock-offset.ts'
import { removeLostReportsSince } from './lost-reports.ts'
import { writeCloneGap } from './platform-gaps.ts'
import { writeEvents } from './signal-writers.ts'

/** Stored processes of an agent without an election. More clones than these are not recognised. */
const MAX_PROCESSES = 16

export const NO_CLONES: HeartbeatOutcome = { clones: [], isNewClone: false }

type AgentRow = Pick<Selectable<Tables['agents']>, 'key' | 'newest_revision'>

/** The process of an agent before a heartbeat. */
export type Run = Pick<
  Selectable<Tables['agents']>,
  'started_at' | 'agent_version' | 'connector' | 'online_since' | 'last_seen_at' | 'clock_offset'
>

export async function findRun(transaction: Transaction<Tables>, agent: AgentIdentity): Promise<Run | undefined> {
  return transaction
    .selectFrom('agents')
    .select(['started_at', 'agent_version', 'connector', 'online_since', 'last_seen_at', 'clock_offset'])
    .where(({ and }) => and(agent))
    .executeTakeFirst()
}

/**
 * Stores the process of an agent without an election: another one than before is a restart, and processes that take
 * turns are clones.
 */
export async function writeRun(
  transaction: Transaction<Tables>,
  agent: AgentRow,
  before: Run | undefined,
  heartbeat: HeartbeatRequest,
  intervalSeconds: number,
  at: number,
): Promise<HeartbeatOutcome> {
  if (await isElecting(transaction, agent.key, heartbeat)) return NO_CLONES
  const outcome = await writeProcess(transaction, agent.key, heartbeat, intervalSeconds, at)
  if (outcome.clones.length > 0) await writeClones(transaction, agent, outcome, before, at)
  else await writeRestart(transaction, agent.key, before, heartbeat, at)
  return outcome
}

/**
 * Stores the process of an agent without an election. A restart replaces a process for good: when an earlier one comes
 * back, both run, such as on a machine and its clone.
 */
async function writeProcess(
  transaction: Transaction<Tables>,
  key: number,
  { instance_id: given, started_at, interval_seconds }: HeartbeatRequest,
  intervalSeconds: number,
  at: number,
): Promise<HeartbeatOutcome> {
  // Agents of earlier versions do not name their process.
  const instance_id = given ?? `process started at ${started_at}`
  const found = transaction.selectFrom('agents').select(['processes', 'clones', 'cloned_at']).where('key', '=', key)
  const row = await found.executeTakeFirstOrThrow()
  const known = JSON.parse(row.processes) as string[]
  const wasCloned = isCloned(row.cloned_at, interval_seconds ?? intervalSeconds, at)
  const index = known.indexOf(instance_id)
  if (index === 0) return { clones: wasCloned ? known.slice(0, row.clones) : [], isNewClone: false }
  const processes = [instance_id, ...known.filter((name) => name !== instance_id)].slice(0, MAX_PROCESSES)
  // All that called since this one called last run beside it.
  const clone = index > 0 ? { clones: index + 1, cloned_at: at } : {}
  await transaction
    .updateTable('agents')
    .set({ processes: JSON.stringify(processes), ...clone })
    .where('key', '=', key)
    .execute()
  const { clones = row.clones } = clone
  return { clones: index > 0 || wasCloned ? processes.slice(0, clones) : [], isNewClone: index > 0 && !wasCloned }
}

/** Returns true for a process that does not yet take part in the election of its agent, and names no role. */
async function isElecting(
  transaction: Transaction<Tables>,
  key: number,
  { instance_id }: HeartbeatRequest,
): Promise<boolean> {
  if (instance_id !== undefined) return false
  const instances = transaction.selectFrom('agent_instances').select('instance_id').where('agent_key', '=', key)
  return (await instances.limit(1).executeTakeFirst()) !== undefined
}

/** Stores as a gap that several processes are one agent, since the heartbeat before the one that reveals it. */
async function writeClones(
  transaction: Transaction<Tables>,
  { key, newest_revision: revision }: AgentRow,
  { isNewClone }: HeartbeatOutcome,
  before: Run | undefined,
  at: number,
): Promise<void> {
  const since = Math.min(before?.online_since ?? at, at)
  if (isNewClone) await removeLostReportsSince(transaction, key, since - MAX_CLOCK_DIFFERENCE_MS)
  await writeCloneGap(transaction, { agent: key, at, revision }, since)
}

/** Stores an event when another process than before is the agent. */
async function writeRestart(
  transaction: Transaction<Tables>,
  key: number,
  before: Run | undefined,
  { agent_id, agent_version, connector, started_at }: HeartbeatRequest,
  at: number,
): Promise<void> {
  const startedAt = Date.parse(started_at)
  if (before === undefined || before.started_at === null || before.started_at === startedAt) return
  const connectorBefore = before.connector === null ? undefined : (JSON.parse(before.connector) as ConnectorOrigin)
  const changes = [
    ...(before.agent_version === agent_version ? [] : [`version ${agent_version}, after ${before.agent_version}`]),
    ...changeOfConnector(connectorBefore, connector),
  ]
  await writeEvents(transaction, [
    {
      agent_key: key,
      event_id: `agent.restarted ${started_at}`,
      name: 'agent.restarted',
      at: Math.min(at, Math.max(before.last_seen_at, startedAt - before.clock_offset)),
      severity: SEVERITIES.indexOf('info'),
      entity_type: 'agent',
      entity_id: agent_id.toLowerCase(),
      body: `The agent was restarted${changes.length === 0 ? '' : ` with ${changes.join('; with ')}`}.`,
      attributes: JSON.stringify({
        'agent.started_at': started_at,
        'agent.started_before': new Date(before.started_at).toISOString(),
        'agent.version': agent_version,
        'agent.version_before': before.agent_version,
        'agent.connector.package': connector?.package,
        'agent.connector.version': connector?.version,
        'agent.connector.version_before': connectorBefore?.version,
      }),
    },
  ])
}

/** Describes the change of a connector. Agents of earlier versions do not name theirs. */
function changeOfConnector(before: ConnectorOrigin | undefined, now: ConnectorOrigin | undefined): string[] {
  if (before === undefined || now === undefined) return []
  if (before.package !== now.package)
    return [`${now.package} ${now.version}, after ${before.package} ${before.version}`]
  return before.version === now.version ? [] : [`${now.package} ${now.version}, after ${before.version}`]
}
