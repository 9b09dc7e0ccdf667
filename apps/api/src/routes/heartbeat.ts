import { AGENT_PATHS, type HeartbeatRequest, heartbeatRequestSchema, heartbeatResponseSchema } from '@rca/core/protocol'
import { assertType } from '../http/assert-type.ts'
import { tokenOf } from '../http/authentication.ts'
import type { App, Context } from '../http/context.ts'
import type { Heartbeat } from '../store/store.ts'
import { problems } from './schemas.ts'

/** `POST /api/v1/agent/heartbeat`: an agent lives, and says how its collectors are. */
export function addHeartbeatRoute(app: App, { store, now, heartbeatSeconds }: Context): void {
  const schema = {
    operationId: 'sendHeartbeat',
    summary: 'Say that the agent is alive',
    tags: ['agents'],
    security: [{ agent: [] }],
    body: heartbeatRequestSchema,
    success: 'The heartbeat is noted. Says when the next one is due.',
    response: { 200: heartbeatResponseSchema, ...problems(400, 403, 408, 413, 415, 422) },
  }
  app.post(AGENT_PATHS.heartbeat, { config: { access: 'agent' }, schema }, async (request) => {
    const token = tokenOf(request)
    const said = request.body
    assertType(token, said.agent_type, ['agent_type'])
    const at = now()
    await store.agents.heartbeat(
      { environment: token.environment, agentType: token.agentType, agentId: said.agent_id.toLowerCase() },
      {
        agentVersion: said.agent_version,
        agentName: said.agent_name,
        startedAt: Date.parse(said.started_at),
        intervalSeconds: said.interval_seconds,
        replacesAgentId: said.replaces_agent_id?.toLowerCase(),
        collectors: said.collectors,
        outbox: said.outbox,
        instance: instanceOf(said, heartbeatSeconds),
      },
      token.id,
      at,
    )
    return { interval_seconds: said.interval_seconds ?? heartbeatSeconds, server_time: new Date(at).toISOString() }
  })
}

/** Who speaks, where there is an election. One of the two fields alone says nothing. */
function instanceOf(said: HeartbeatRequest, heartbeatSeconds: number): Heartbeat['instance'] {
  const { instance_id: id, role, lead_id: leadId, interval_seconds: intervalSeconds = heartbeatSeconds } = said
  if (id === undefined || role === undefined) return undefined
  return { id, role, leadId: role === 'leader' ? leadId?.toLowerCase() : undefined, intervalSeconds }
}
