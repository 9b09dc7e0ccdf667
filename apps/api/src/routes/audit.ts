import { z } from 'zod'
import type { App, Context } from '../http/context.ts'
import { named, problems } from '../http/openapi-schemas.ts'
import { AUDIT_ACTORS, AUDIT_OUTCOMES, type AuditEntry } from '../store/records.ts'
import { agentFilter, instant, instantParameter, toInstant } from './fields.ts'
import { nextCursor, pageQuery, toCursor, toPageRequest } from './pagination.ts'

const auditEntry = named(
  'AuditEntry',
  z.object({
    at: instant.describe('The first of folded refusals.'),
    last_at: instant,
    count: z.int().describe('Equal refusals of one sender are one entry a day.'),
    outcome: z.enum(AUDIT_OUTCOMES),
    status: z.int().describe('Status of the answer.'),
    action: z.string().describe('`operationId` of the route, such as `provisionAgent`. The last of folded refusals.'),
    actor: z.enum(AUDIT_ACTORS).describe('`unknown`: the request had no valid token.'),
    actor_id: z.int().optional().describe('Number of the token or key.'),
    actor_name: z.string().optional().describe('Name of the access token. For an ended token, its kind and number.'),
    address: z.string().describe('Address of the sender: see `RCA_TRUST_PROXY`.'),
    environment: z.string().optional(),
    agent_type: z.string().optional(),
    agent_id: z.string().optional(),
    token_name: z.string().optional().describe('Name of the created, rotated or revoked access token.'),
    detail: z.string().optional().describe('Why the request was refused.'),
  }),
)

/** Shows who changed what, and who was refused. */
export function addAuditRoute(app: App, { store, auditTrail }: Context): void {
  const schema = {
    operationId: 'listAuditEntries',
    summary: 'List changes and refusals: who, from where, what, when, and the outcome',
    description:
      'Contains every change of environments, tokens and agents’ keys, and every refusal of a token, a scope or a limit. Contains no tokens. Entries are kept for `RCA_AUDIT_RETENTION`; of more than 100,000 changes or 10,000 refusals, the newest.',
    tags: ['access'],
    querystring: z.strictObject({
      from: instantParameter.optional().describe('ISO 8601, inclusive.'),
      to: instantParameter.optional().describe('ISO 8601, exclusive.'),
      environment: agentFilter.environment,
      outcome: z.enum(AUDIT_OUTCOMES).optional(),
      action: z.string().max(200).optional(),
      actor: z.enum(AUDIT_ACTORS).optional(),
      actor_name: z.string().max(200).optional(),
      address: z.string().max(200).optional(),
      ...pageQuery(),
    }),
    success: 'Entries, newest first.',
    response: { 200: z.object({ entries: z.array(auditEntry), next_cursor: nextCursor }), ...problems(422) },
  }
  app.get(
    '/api/v1/audit',
    { config: { access: ['manage'], environment: 'query', reads: true }, schema },
    async (request) => {
      // Stored entries can be read while the store cannot be written.
      await auditTrail.flush().catch(() => undefined)
      const { limit, cursor, ...filter } = request.query
      const page = toPageRequest({ limit, cursor }, ['number', 'number'])
      const { items, next } = await store.audit.list(filter, page, request.reading)
      return { entries: items.map(toEntry), next_cursor: toCursor(next) }
    },
  )
}

function toEntry({ id: _, at, last_at, ...entry }: AuditEntry): z.output<typeof auditEntry> {
  const present = Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== null))
  return {
    at: toInstant(at),
    last_at: toInstant(last_at),
    ...(present as Omit<z.output<typeof auditEntry>, 'at' | 'last_at'>),
  }
}
