import {
  AGENT_PATHS,
  accessQuerySchema,
  accessResponseSchema,
  agentKeySchema,
  enrollRequestSchema,
  rotateKeyRequestSchema,
} from '@rca/core/protocol'
import { z } from 'zod'
import { createAgentKey, credentialOf } from '../http/authentication.ts'
import type { App, Context } from '../http/context.ts'
import { named, problems } from '../http/openapi-schemas.ts'
import { ProblemError, unauthorized } from '../http/problem-error.ts'
import { assertOwner, toProblem } from './authorize-agents.ts'
import { agentFilter, agentId, instant, toInstant } from './fields.ts'
import { onlyAgent } from './find-agent.ts'

const agent = { agent_id: '8c5f2b0e-3d1a-5c47-9b62-0f4f7a1d9e33', agent_type: 'server' }

named('EnrollRequest', enrollRequestSchema, { ...agent, agent_version: '1.0.0', instance_id: 'web-1-3f9c01d2' })
named('RotateKeyRequest', rotateKeyRequestSchema, agent)
named('AgentKey', agentKeySchema, {
  agent_key: 'agentkey_pX2vC7sLqN9wZ4rT1yB6mK0dF8gJ5hA3eUiOxVcQnYk',
  expires_at: '2026-12-22T12:00:00.000Z',
})

const revocation = named(
  'AgentRevocation',
  z.object({
    agent_id: z.string(),
    environment: z.string(),
    agent_type: z.string(),
    revoked_at: instant,
    revoked_keys: z.int().describe('Number of its keys that were valid.'),
  }),
)

/** Gives agents keys of their own, and revokes single agents. */
export function addEnrolmentRoutes(app: App, context: Context): void {
  addEnrollRoute(app, context)
  addRotateKeyRoute(app, context)
  addAccessRoute(app, context)
  addRevokeAgentRoute(app, context)
}

function addEnrollRoute(app: App, { store, now, agentKeyTtlMs }: Context): void {
  const schema = {
    operationId: 'enrollAgent',
    summary: 'Exchange a token for the key of one agent',
    description:
      'The agent joins with the token, unless it has joined already, and uses the key from then on. A repeated call, such as after a lost answer, returns another key and does not count as another use of the token. ' +
      'An agent that joined may enrol again after the lifetime of the token.',
    tags: ['agents'],
    body: enrollRequestSchema,
    success: 'The key of the agent.',
    response: { 201: agentKeySchema, ...problems(400, 403, 408, 413, 415, 422) },
  }
  app.post(AGENT_PATHS.enroll, { config: { access: 'agent', audited: true }, schema }, async (request, reply) => {
    const credential = credentialOf(request)
    const { body } = request
    assertOwner(credential, body, [])
    if (credential.kind === 'key')
      throw new ProblemError(403, 'This agent has a key. Enrol with a token, or replace the key with `/key/rotate`.')
    const at = now()
    const { key, digest } = createAgentKey()
    const id = body.agent_id.toLowerCase()
    const stored = { hash: digest, created_at: at, expires_at: at + agentKeyTtlMs }
    const refusal = await store.enrolment.enroll(credential, id, stored, body.replaces_agent_id?.toLowerCase())
    if (refusal !== undefined) throw toProblem(credential, refusal)
    const { environment, agent_type } = credential
    request.log.info({ environment, agent_type, agent_id: id, instance_id: body.instance_id }, 'agent enrolled')
    return reply
      .code(201)
      .header('cache-control', 'no-store')
      .send({ agent_key: key, expires_at: toInstant(stored.expires_at) })
  })
}

function addRotateKeyRoute(app: App, { store, now, agentKeyTtlMs }: Context): void {
  const schema = {
    operationId: 'rotateAgentKey',
    summary: 'Replace the key of an agent',
    description:
      'Send it with the current key. Both keys are valid until the new one is used, or the current one expires: a lost answer does no harm.',
    tags: ['agents'],
    body: rotateKeyRequestSchema,
    success: 'The new key of the agent.',
    response: { 201: agentKeySchema, ...problems(400, 403, 408, 413, 415, 422) },
  }
  app.post(AGENT_PATHS.rotateKey, { config: { access: 'agent', audited: true }, schema }, async (request, reply) => {
    const credential = credentialOf(request)
    assertOwner(credential, request.body, [])
    if (credential.kind === 'token') throw new ProblemError(403, 'Only a key can be replaced. Enrol with this token.')
    const at = now()
    const { key, digest } = createAgentKey()
    const successor = { hash: digest, created_at: at, expires_at: at + agentKeyTtlMs }
    if (!(await store.enrolment.rotateKey(credential, successor)))
      throw unauthorized('This key is no longer valid. Enrol again with the token.')
    const { environment, agent_type, agent_id } = credential
    request.log.info({ environment, agent_type, agent_id }, 'agent key rotated')
    return reply
      .code(201)
      .header('cache-control', 'no-store')
      .send({ agent_key: key, expires_at: toInstant(successor.expires_at) })
  })
}

function addAccessRoute(app: App, { store, now }: Context): void {
  const schema = {
    operationId: 'checkAccess',
    summary: 'Check whether a token or key admits an agent',
    description: 'For `rca-agent doctor`. Stores nothing: the agent does not join with the token.',
    tags: ['agents'],
    querystring: accessQuerySchema,
    success: 'The agent is accepted.',
    response: { 200: accessResponseSchema, ...problems(403, 422) },
  }
  app.get(AGENT_PATHS.access, { config: { access: 'agent' }, schema }, async (request) => {
    const credential = credentialOf(request)
    assertOwner(credential, request.query, [])
    if (credential.kind === 'key') return { key_expires_at: toInstant(credential.expires_at) }
    const refusal = await store.enrolment.mayJoin(credential, request.query.agent_id.toLowerCase(), now())
    if (refusal !== undefined) throw toProblem(credential, refusal)
    return {}
  })
}

function addRevokeAgentRoute(app: App, { store, now }: Context): void {
  const schema = {
    operationId: 'revokeAgent',
    summary: 'Revoke one agent at once',
    description:
      'Refuses the agent from its next call on: its keys, and every token that was provisioned before. Other agents of the environment are not affected. To let the agent in again, give it a token that is provisioned afterwards.',
    tags: ['environments'],
    params: z.object({ agent_id: agentId }),
    querystring: z.strictObject(agentFilter),
    body: z.strictObject({}).nullish(),
    success: 'The agent is revoked.',
    response: { 200: revocation, ...problems(400, 404, 408, 409, 413, 415, 422) },
  }
  app.post(
    '/api/v1/agents/:agent_id/revoke',
    { config: { access: ['manage'], environment: 'query' }, schema },
    async (request) => {
      const { agent_id: id } = request.params
      const revoked = onlyAgent(await store.enrolment.identities(id, request.query), id, request.query)
      const at = now()
      request.auditTarget = { environment: revoked.environment, agent_type: revoked.agent_type }
      const revoked_keys = await store.enrolment.revokeAgent(revoked, at)
      request.log.info({ ...revoked, revoked_keys }, 'agent revoked')
      return { ...revoked, revoked_at: toInstant(at), revoked_keys }
    },
  )
}
