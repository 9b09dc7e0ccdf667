import { isOnline } from './connectivity.ts'
import type { StoredAgent } from './records.ts'

/**
 * States of the reports of an agent whose heartbeats arrive. `pending`: none yet since it came online. `stalled`: none
 * for three of its report intervals. `gaps_only`: reports arrive, but every collector and watcher of the agent fails.
 * `unknown`: the agent is not online.
 */
export const DATA_FLOW = ['pending', 'flowing', 'gaps_only', 'stalled', 'unknown'] as const

/** Reports stop for this many of their intervals before data counts as stalled. */
const STALLED_AFTER_INTERVALS = 3

/** A busy platform or agent delays a report by seconds. */
const MIN_STALLED_MS = 30_000

/** Assumed for agents that do not announce their interval, which may have a long one. */
const UNKNOWN_REPORT_INTERVAL_SECONDS = 300

/** Columns of an agent that show whether data flows. */
export type DataFlowColumns = Pick<
  StoredAgent,
  | 'standing_by'
  | 'last_seen_at'
  | 'last_heartbeat_at'
  | 'interval_seconds'
  | 'report_interval_seconds'
  | 'last_delivery_at'
  | 'online_since'
> & {
  /** False if every collector and watcher of the last heartbeat fails. */
  readonly hasWorkingCollector: boolean
}

/** Returns whether the agent's data flows, and since when it does not. */
export function dataFlowOf(
  agent: DataFlowColumns,
  now: number,
  heartbeatSeconds: number,
): { readonly status: (typeof DATA_FLOW)[number]; readonly since?: number } {
  const isAgentOnline =
    agent.standing_by === 0 && isOnline(agent.last_seen_at, agent.interval_seconds ?? heartbeatSeconds, now)
  if (!isAgentOnline || agent.last_heartbeat_at === null) return { status: 'unknown' }
  const interval =
    agent.report_interval_seconds ?? Math.max(UNKNOWN_REPORT_INTERVAL_SECONDS, agent.interval_seconds ?? 0)
  const toleranceMs = Math.max(MIN_STALLED_MS, STALLED_AFTER_INTERVALS * 1000 * interval)
  const onlineSince = agent.online_since ?? agent.last_heartbeat_at
  const last = agent.last_delivery_at ?? 0
  const since = Math.max(last, onlineSince)
  if (since + toleranceMs < now) return { status: 'stalled', since }
  if (last + toleranceMs < now) return { status: 'pending' }
  return { status: agent.hasWorkingCollector ? 'flowing' : 'gaps_only' }
}
