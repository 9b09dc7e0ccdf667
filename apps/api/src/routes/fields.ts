import { LIMITS } from '@rca/core/protocol'
import { z } from 'zod'

/** Environment names are part of tokens, paths and commands. */
export const environmentName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
    'Use letters, digits, `.`, `_` and `-`, starting with a letter or digit, at most 63',
  )
  .describe('Letters, digits, `.`, `_` and `-`, at most 63, such as `prod-cluster-1`.')

export const agentType = z.string().min(1).max(LIMITS.name).describe('Such as `docker`, `kubernetes` or `server`.')

export const agentId = z.uuid().transform((id) => id.toLowerCase())

/** Time for which old tokens stay valid after a rotation. */
export const graceSeconds = z
  .int()
  .min(0)
  .max(2_592_000)
  .optional()
  .describe('Seconds for which the old tokens stay valid, at most 30 days. Default: the platform’s `RCA_TOKEN_GRACE`.')

export const instant = z.iso.datetime().describe('ISO 8601, UTC.')

/** A time in a query; becomes milliseconds since 1970. */
export const instantParameter = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))

/** Query parameters that select agents. */
export const agentFilter = {
  environment: environmentName.optional(),
  agent_type: agentType.optional(),
}

/** Query parameters that select entities. */
export const entityFilter = {
  entity_type: z.string().max(LIMITS.name).optional().describe('Type of the entity, such as `container`.'),
  entity_id: z.string().max(LIMITS.identifier).optional(),
}

/** Formats milliseconds since 1970. */
export function toInstant(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}

/** Formats optional times, leaving out those that are absent. */
export function toInstants<Name extends string>(
  times: Readonly<Record<Name, number | null>>,
): { [Key in Name]?: string } {
  const present = Object.entries<number | null>(times).flatMap(([name, at]) =>
    at === null ? [] : [[name, toInstant(at)]],
  )
  return Object.fromEntries(present) as { [Key in Name]?: string }
}
