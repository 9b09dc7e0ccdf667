import { AGENT_PATHS, collectorStatusSchema, heartbeatRequestSchema, heartbeatResponseSchema } from '@rca/core/protocol'
import { assertAgentType, tokenOf } from '../http/authentication.ts'
import type { App, Context } from '../http/context.ts'
import { named, problems } from '../http/openapi-schemas.ts'
import { toInstant } from './fields.ts'

named('CollectorStatus', collectorStatusSchema)

named('HeartbeatRequest', heartbeatRequestSchema, {
  agent_id: '8c5f2b0e-3d1a-5c47-9b62-0f4f7a1d9e33',
  agent_type: 'server',
  agent_version: '1.0.0',
  agent_name: 'web-1',
  started_at: '2026-11-22T11:58:40Z',
  sequence: 3,
  collectors: {
    filesystems: { ok: true, duration_ms: 4.2 },
    'systemd-units': { ok: false, duration_ms: 1.1, error: 'systemctl was not found' },
  },
  outbox: { reports: 0, bytes: 0, dropped: 0 },
})

named('HeartbeatResponse', heartbeatResponseSchema, {
  interval_seconds: 30,
  server_time: '2026-11-22T12:00:00.000Z',
})

export function addHeartbeatRoute(app: App, { store, now, heartbeatSeconds }: Context): void {
  const schema = {
    operationId: 'sendHeartbeat',
    summary: 'Send the status of an agent',
    tags: ['agents'],
    body: heartbeatRequestSchema,
    success: 'The status is stored. Returns when the next heartbeat is due.',
    response: { 200: heartbeatResponseSchema, ...problems(400, 403, 408, 413, 415, 422) },
  }
  app.post(AGENT_PATHS.heartbeat, { config: { access: 'agent' }, schema }, async (request) => {
    const token = tokenOf(request)
    assertAgentType(token, request.body.agent_type, ['agent_type'])
    const at = now()
    await store.agents.heartbeat(token, request.body, heartbeatSeconds, at)
    return { interval_seconds: request.body.interval_seconds ?? heartbeatSeconds, server_time: toInstant(at) }
  })
}
