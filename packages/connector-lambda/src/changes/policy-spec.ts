import { z } from 'zod'
import { presentValues, type Spec } from './spec.ts'

const text = z.union([z.string(), z.array(z.string()).transform((texts) => texts.toSorted().join(', '))])

const policySchema = z.object({
  Statement: z.array(
    z.looseObject({
      Sid: z.string().optional(),
      Effect: z.string().optional(),
      Action: text.optional(),
      Principal: z.union([z.string(), z.record(z.string(), text)]).optional(),
      Condition: z.unknown().optional(),
    }),
  ),
})

/**
 * Returns the statements of a function's policy by id. Conditions are hashed: one of them holds a shared secret.
 *
 * @throws if the policy is not the JSON of a policy
 */
export function policySpec(policy: string | undefined, keyedHash: (text: string) => string): Spec {
  if (policy === undefined) return { shown: {}, hashed: {} }
  const { Statement: statements } = policySchema.parse(JSON.parse(policy))
  const named = statements.map((statement, index) => ({
    name: `statement ${statement.Sid ?? index + 1}`,
    ...statement,
  }))
  return {
    shown: presentValues(
      Object.fromEntries(
        named.map(({ name, Effect, Action, Principal }) => [
          name,
          `${Effect} ${Action} to ${describePrincipal(Principal)}`,
        ]),
      ),
    ),
    hashed: Object.fromEntries(
      named.flatMap(({ name, Condition }) =>
        Condition === undefined ? [] : [[`condition of ${name}`, keyedHash(JSON.stringify(Condition))]],
      ),
    ),
  }
}

function describePrincipal(principal: string | Readonly<Record<string, string>> | undefined): string {
  if (principal === undefined) return 'no principal'
  return typeof principal === 'string' ? principal : Object.values(principal).join(', ')
}
