import { AGENT_PATHS, collectorStatusSchema, heartbeatRequestSchema, heartbeatResponseSchema } from '@rca/core/protocol'
import { credentialOf } from '../http/authentication.ts'
import type { App, Context } from '../http/context.ts'
import { named, problems } from '../http/openapi-schemas.ts'
import type { Credential } from '../store/records.ts'
import { authorizeAgents } from './authorize-agents.ts'
import { toInstant } from './fields.ts'

named('CollectorStatus', collectorStatusSchema)

named('HeartbeatRequest', heartbeatRequestSchema, {
  agent_id: '8c5f2b0e-3d1a-5c47-9b62-0f4f7a1d9e33',
  agent_type: 'server',
  agent_version: '1.0.0',
  agent_name: 'web-1',
  connector: { package: '@rca/connector-server', version: '1.0.0' },
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

export function addHeartbeatRoute(app: App, context: Context): void {
  const { store, now, heartbeatSeconds } = context
  const schema = {
    operationId: 'sendHeartbeat',
    summary: 'Send the status of an agent',
    tags: ['agents'],
    body: heartbeatRequestSchema,
    success: 'The status is stored. Returns when the next heartbeat is due.',
    response: { 200: heartbeatResponseSchema, ...problems(400, 403, 408, 413, 415, 422) },
  }
  // A heartbeat with too many collectors is refused for their number, whatever its size.
  const config = { access: 'agent', maxBodyBytes: Number.POSITIVE_INFINITY } as const
  app.post(AGENT_PATHS.heartbeat, { config, schema }, async (request) => {
    const credential = credentialOf(request)
    const { body } = request
    await authorizeAgents(context, credential, [body], { replacedId: body.replaces_agent_id })
    const at = now()
    const { clones, isNewClone } = await store.agents.heartbeat(credential, body, heartbeatSeconds, at)
    if (isNewClone)
      request.log.warn(
        { environment: credential.environment, agent_id: body.agent_id, instances: clones },
        'several processes are the same agent',
      )
    return {
      interval_seconds: body.interval_seconds ?? heartbeatSeconds,
      server_time: toInstant(at),
      ...(isRotationDue(credential, at) ? { rotate_key: true as const } : {}),
      ...(clones.length === 0 ? {} : { warning: cloneWarning(clones) }),
    }
  })
}

/** Returns true for a key after two thirds of its life. */
function isRotationDue(credential: Credential, at: number): boolean {
  if (credential.kind === 'token') return false
  const { created_at, expires_at } = credential
  return at >= created_at + (2 / 3) * (expires_at - created_at)
}

function cloneWarning(instances: readonly string[]): string {
  const names = instances.map((name) => `\`${name}\``).join(', ')
  return `Several processes are this agent: ${names}. If a machine was cloned, give the clone a machine id of its own, empty the agent's state directory there, and restart the agent. Otherwise stop all but one.`
}
