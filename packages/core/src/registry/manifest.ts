import { z } from 'zod'
import { CONTRACT, TYPE_PATTERN } from '../connector/define-connector.ts'

const manifestSchema = z.strictObject({
  contract: z.literal(CONTRACT),
  type: z.string().regex(TYPE_PATTERN, 'must be lower case words joined by `-`, such as `docker`, or `vendor/name`'),
  title: z.string().min(1),
  description: z.string().min(1),
  /** The package's export that contains the connector. */
  module: z
    .string()
    .regex(/^\.(?:\/.+)?$/, 'must be an export of the package: `.`, or one that starts with `./`')
    .default('.'),
})

/** `package.json#rca` of a connector's package. Describes the connector without loading its code. */
export type ConnectorManifest = Readonly<z.output<typeof manifestSchema>>

/** Checks `package.json#rca`. Returns the manifest, or its problem and the fix. */
export function parseManifest(
  value: unknown,
): ConnectorManifest | { readonly problem: string; readonly remedy: string } {
  const contract = typeof value === 'object' && value !== null ? (value as { contract?: unknown }).contract : undefined
  if (typeof contract === 'number' && contract !== CONTRACT) {
    const remedy = contract > CONTRACT ? 'update `@rca/core`' : 'update the package'
    return {
      problem: `it implements version ${contract} of the contract, but this \`@rca/core\` implements version ${CONTRACT}`,
      remedy: `${remedy} so that both implement the same contract`,
    }
  }
  const result = manifestSchema.safeParse(value)
  if (result.success) return result.data
  const problems = result.error.issues.map((issue) => `\`${['rca', ...issue.path].join('.')}\`: ${issue.message}`)
  return {
    problem: `its manifest is invalid: ${problems.join('; ')}`,
    remedy: 'correct `rca` in its package.json, or remove the package',
  }
}
