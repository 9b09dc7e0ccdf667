import { z } from 'zod'
import { named } from '../http/openapi-schemas.ts'
import { DATA_FLOW, dataFlowOf } from '../store/data-flow.ts'
import type { StoredAgent } from '../store/records.ts'
import { instant, toInstant, toInstants } from './fields.ts'

export const dataFlowSchema = named(
  'DataFlow',
  z.object({
    status: z
      .enum(DATA_FLOW)
      .describe(
        '`flowing`: reports arrive. `stalled`: heartbeats arrive, but no report for three report intervals, at least 30 s. `gaps_only`: reports arrive, but every collector and watcher fails, so that they hold only gaps. `pending`: no report since the agent came online. `unknown`: the agent is not online.',
      ),
    since: instant.optional().describe('When reports stopped, while `stalled`.'),
    reason: z.string().optional().describe('Cause by the agent’s heartbeats, while `stalled`.'),
    report_interval_seconds: z.number().optional().describe('Announced by the agent.'),
    last_delivery_at: instant.optional().describe('When the last report arrived, by the clock of the platform.'),
  }),
)

/** Shows whether the reports of an agent arrive. */
export function toDataFlow(agent: StoredAgent, now: number, heartbeatSeconds: number): z.output<typeof dataFlowSchema> {
  const { report_interval_seconds, last_delivery_at, collectors } = agent
  const statuses = Object.values(collectors ?? {})
  const hasWorkingCollector = statuses.length === 0 || statuses.some(({ ok }) => ok)
  const { status, since } = dataFlowOf({ ...agent, hasWorkingCollector }, now, heartbeatSeconds)
  return {
    status,
    ...(since === undefined ? {} : { since: toInstant(since), reason: stallReason(agent) }),
    ...(report_interval_seconds === null ? {} : { report_interval_seconds }),
    ...toInstants({ last_delivery_at }),
  }
}

/** Explains by the last heartbeat why no reports arrive. */
function stallReason({ collectors, outbox }: StoredAgent): string {
  const connect = collectors?.connect
  if (connect?.ok === false)
    return `The agent is not connected to what it watches: ${connect.error ?? 'no reason given'}`
  if (outbox !== null && outbox.reports > 0)
    return `The agent holds ${outbox.reports} undelivered reports: its requests to /api/v1/agent/data fail. Its log has the reason.`
  return 'The agent builds no reports, or the platform refuses them: its log has the reason. Restart it if there is none.'
}
