import { z } from 'zod'
import { nearestName } from '../config/nearest-name.ts'
import { CONTRACT, TYPE_PATTERN } from '../connector/define-connector.ts'
import { CORE_RANGE, coreProblem, type RequirementProblem } from './core-requirement.ts'

/** Further keys are ignored, so that a newer manifest can be read. */
const manifestSchema = z.object({
  contract: z.literal(CONTRACT),
  type: z.string().regex(TYPE_PATTERN, 'must be lower case words joined by `-`, such as `docker`, or `vendor/name`'),
  title: z.string().min(1),
  description: z.string().min(1),
  /** The package's export that contains the connector. */
  module: z
    .string()
    .regex(/^\.(?:\/.+)?$/, 'must be an export of the package: `.`, or one that starts with `./`')
    .default('.'),
  /** The oldest version of core with which the connector works. */
  core: z.string().regex(CORE_RANGE, 'must be `>=` and a version of `@rca/core`, such as `>=0.3`').optional(),
})

/** `package.json#rca` of a connector's package. Describes the connector without loading its code. */
export type ConnectorManifest = Readonly<z.output<typeof manifestSchema>>

/** Checks `package.json#rca`. Returns the manifest, or its problem and the fix. */
export function parseManifest(value: unknown, coreVersion?: string): ConnectorManifest | RequirementProblem {
  const contract = typeof value === 'object' && value !== null ? (value as { contract?: unknown }).contract : undefined
  if (typeof contract === 'number' && contract !== CONTRACT) {
    const remedy = contract > CONTRACT ? 'update `@rca/core`' : 'update the package'
    return {
      problem: `it implements version ${contract} of the contract, but this \`@rca/core\` implements version ${CONTRACT}`,
      remedy: `${remedy} so that both implement the same contract`,
    }
  }
  const result = manifestSchema.safeParse(value)
  if (result.success) return coreProblem({ declared: result.data.core }, coreVersion) ?? result.data
  const problems = result.error.issues.map((issue) => `\`${['rca', ...issue.path].join('.')}\`: ${issue.message}`)
  return {
    problem: `its manifest is invalid: ${problems.join('; ')}`,
    remedy: 'correct `rca` in its package.json, or remove the package',
  }
}

/** Returns the type that a manifest declares, even if the rest of it is invalid. */
export function typeInManifest(manifest: unknown): string | undefined {
  const type = typeof manifest === 'object' && manifest !== null ? (manifest as { type?: unknown }).type : undefined
  return typeof type === 'string' ? type : undefined
}

/** Returns true for packages of this project, whose types are single words. */
export function isOwnPackage(name: string): boolean {
  return name.startsWith('@rca/')
}

/** Returns what the author of a usable manifest should change. */
export function manifestWarnings(manifest: unknown): string[] {
  const known = Object.keys(manifestSchema.shape)
  const unknown = Object.keys(manifest as object).filter((key) => !known.includes(key))
  const warnings = unknown.map((key) => {
    const meant = nearestName(key, known)
    return `\`rca.${key}\` in its package.json is unknown, and ignored.${meant === undefined ? '' : ` Did you mean \`rca.${meant}\`?`}`
  })
  const type = typeInManifest(manifest)
  if (type !== undefined && !type.includes('/'))
    warnings.push(`its type \`${type}\` may be that of another package one day. Call it \`VENDOR/${type}\`.`)
  return warnings
}
