import { z } from 'zod'
import { name, replacesAgentId, timestampSchema } from './protocol-fields.ts'

/** Distinguishes the key of one agent from a token. */
export const KEY_PREFIX = 'agentkey_'

/** Body of `POST /api/v1/agent/enroll`. */
export const enrollRequestSchema = z.object({
  agent_id: z.uuid(),
  agent_type: name,
  agent_version: z.string().min(1).max(64),
  instance_id: name.describe('Name of this process.'),
  replaces_agent_id: replacesAgentId,
})

/** Body of `POST /api/v1/agent/key/rotate`. */
export const rotateKeyRequestSchema = z.object({ agent_id: z.uuid(), agent_type: name })

/** Response 201 of both. */
export const agentKeySchema = z.object({
  agent_key: z
    .string()
    .regex(/^agentkey_[\x21-\x7e]{20,256}$/)
    .describe('Bearer of this agent alone, in place of the token. Shown only in this response.'),
  expires_at: timestampSchema,
})

/** Query of `GET /api/v1/agent/access`. */
export const accessQuerySchema = z.object({ agent_id: z.uuid(), agent_type: name })

/** Response 200 of `GET /api/v1/agent/access`. */
export const accessResponseSchema = z.object({
  key_expires_at: timestampSchema.optional().describe('When the agent’s key expires. Absent for a token.'),
})

/** Request for a key of the agent's own. */
export type EnrollRequest = z.output<typeof enrollRequestSchema>
/** Request for a new key. */
export type RotateKeyRequest = z.output<typeof rotateKeyRequestSchema>
/** A key with its expiry. */
export type AgentKey = z.output<typeof agentKeySchema>
/** An agent in the question whether the platform accepts it. */
export type AccessQuery = z.output<typeof accessQuerySchema>
/** The platform's answer for an accepted agent. */
export type AccessResponse = z.output<typeof accessResponseSchema>
