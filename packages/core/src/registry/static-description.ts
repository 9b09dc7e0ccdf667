import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { configJsonSchema } from '../config/config-schema.ts'
import type { Connector } from '../connector/connector.ts'
import { CONTRACT } from '../connector/define-connector.ts'
import type { SignalCatalog } from '../connector/signal-catalog.ts'
import { reasonOf } from '../errors/error-reason.ts'

/** Name of the file in a connector's package. */
export const STATIC_DESCRIPTION_FILE = 'rca.json'

/** A file of a thousand signals is a third as large. */
const MAX_BYTES = 1024 * 1024

/** Version of the file's format. Additions keep it. */
const FORMAT = 1

const texts = z.record(z.string(), z.string())

const optionsSchema = z.looseObject({
  type: z.literal('object').optional(),
  properties: z.record(z.string(), z.looseObject({})).optional(),
  required: z.array(z.string()).optional(),
  additionalProperties: z.union([z.boolean(), z.looseObject({})]).optional(),
})

const metricSchema = z.object({
  name: z.string(),
  unit: z.string(),
  kind: z.string(),
  description: z.string(),
  attributes: texts,
})

const entitySchema = z.object({ type: z.string(), description: z.string(), attributes: texts, relations: texts })

const eventSchema = z.object({
  name: z.string(),
  severity: z.string(),
  description: z.string(),
  attributes: texts,
})

/** Schema of `rca.json`. Further keys are ignored, so that a newer file can be read. */
export const staticDescriptionSchema = z.object({
  format: z.literal(FORMAT),
  /** The package. A file of another version of it is not used. */
  package: z.string(),
  version: z.string(),
  contract: z.literal(CONTRACT),
  /** Range of `@rca/core` that the package declares. */
  core: z.string().optional(),
  /** Version of `@rca/core` with which the package was packed. */
  builtWith: z.string().optional(),
  type: z.string(),
  title: z.string(),
  description: z.string(),
  /** The connector's own options as JSON Schema (draft 2020-12), without those that every agent has. */
  config: optionsSchema,
  signals: z.object({
    entities: z.array(entitySchema),
    metrics: z.array(metricSchema),
    events: z.array(eventSchema),
  }),
  collectors: z.array(z.string()),
  watchers: z.array(z.string()),
  /** Optional parts of the contract that the connector implements, such as `election`. */
  features: z.array(z.string()),
})

/** Content of `rca.json`, which describes a connector without its code. */
export type StaticDescription = z.output<typeof staticDescriptionSchema>

/** The fields of a `package.json` that a static description repeats. */
export interface DescribedPackage {
  readonly name: string
  readonly version: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  /** Version of `@rca/core` with which it is packed. */
  readonly builtWith?: string | undefined
}

const OPTIONAL_PARTS = ['disconnect', 'election', 'keyStore', 'watchers'] as const

/**
 * Describes a loaded connector for `rca.json` of its package. Signals, collectors and watchers are sorted by name.
 *
 * @throws {z.ZodError} for a connector whose options are not a JSON Schema of an object.
 */
export function createStaticDescription(connector: Connector, described: DescribedPackage): StaticDescription {
  const { type, title, description, collectors, watchers = {} } = connector
  const signals = Object.values(connector.signals)
  const core = described.peerDependencies?.['@rca/core'] ?? described.dependencies?.['@rca/core']
  return staticDescriptionSchema.parse({
    format: FORMAT,
    package: described.name,
    version: described.version,
    contract: CONTRACT,
    ...(core === undefined ? {} : { core }),
    ...(described.builtWith === undefined ? {} : { builtWith: described.builtWith }),
    type,
    title,
    description,
    config: configJsonSchema(connector.config),
    signals: {
      entities: sorted(signals.filter(({ signal }) => signal === 'entity')),
      metrics: sorted(signals.filter(({ signal }) => signal === 'metric')),
      events: sorted(signals.filter(({ signal }) => signal === 'event')),
    },
    collectors: Object.keys(collectors).sort(),
    watchers: Object.keys(watchers).sort(),
    features: OPTIONAL_PARTS.filter((part) => connector[part] !== undefined),
  } satisfies Record<Exclude<keyof StaticDescription, 'core' | 'builtWith'>, unknown>)
}

/** Sorts by code unit, so that the file is the same in every locale. */
function sorted(signals: readonly SignalCatalog[string][]): SignalCatalog[string][] {
  const nameOf = (signal: SignalCatalog[string]): string => (signal.signal === 'entity' ? signal.type : signal.name)
  return signals.toSorted((left, right) => (nameOf(left) < nameOf(right) ? -1 : 1))
}

/**
 * Reads `rca.json` of an installed package.
 *
 * @returns the description, or the reason why an existing file is not used, or `undefined` for a package without one.
 */
export async function readStaticDescription(
  directory: string,
  expected: Pick<StaticDescription, 'version' | 'type'>,
): Promise<StaticDescription | { readonly problem: string } | undefined> {
  const file = join(directory, STATIC_DESCRIPTION_FILE)
  let found: StaticDescription
  try {
    const { size } = await stat(file)
    if (size > MAX_BYTES) return { problem: `it has ${size} bytes, more than ${MAX_BYTES}` }
    const content: unknown = JSON.parse(await readFile(file, 'utf8'))
    const result = staticDescriptionSchema.safeParse(content)
    if (!result.success) {
      const [issue] = result.error.issues
      return { problem: `\`${issue?.path.join('.')}\`: ${issue?.message}` }
    }
    found = result.data
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : { problem: reasonOf(error) }
  }
  for (const key of ['version', 'type'] as const)
    if (found[key] !== expected[key])
      return { problem: `its \`${key}\` is \`${found[key]}\`, but that of package.json is \`${expected[key]}\`` }
  return found
}

/**
 * Reads the version of core with which an installed package was packed. Of a spoilt file, nothing: reading the whole
 * description says why.
 */
export async function readBuiltWith(directory: string): Promise<string | undefined> {
  try {
    const { builtWith } = JSON.parse(await readFile(join(directory, STATIC_DESCRIPTION_FILE), 'utf8')) as {
      builtWith?: unknown
    }
    return typeof builtWith === 'string' ? builtWith : undefined
  } catch {
    return undefined
  }
}
