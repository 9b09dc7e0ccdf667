import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { CliError } from './cli-error.ts'

const packageSchema = z.object({
  name: z.string().min(1),
  version: z.string().min(1),
  license: z.string().optional(),
  files: z.array(z.string()).optional(),
  dependencies: z.record(z.string(), z.string()).default({}),
  peerDependencies: z.record(z.string(), z.string()).default({}),
  rca: z.looseObject({ type: z.string(), module: z.string().default('.') }),
})

/** The package of a connector, as its `package.json` describes it. */
export interface ConnectorPackage extends z.output<typeof packageSchema> {
  /** Absolute path. */
  readonly folder: string
}

/** Reads the package in a folder. @throws {CliError} if the folder holds no package of a connector */
export async function readConnectorPackage(folder: string): Promise<ConnectorPackage> {
  const file = join(resolve(folder), 'package.json')
  let content: unknown
  try {
    content = JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    throw new CliError(
      `${file} cannot be read (${(error as Error).message}). Run this in the folder of a connector's package; \`npm create @rca/connector\` makes one.`,
      { cause: error },
    )
  }
  const result = packageSchema.safeParse(content)
  if (result.success) return { ...result.data, folder: resolve(folder) }
  if ((content as { rca?: unknown } | null)?.rca === undefined)
    throw new CliError(
      `${file} has no \`rca\`, so it is not the package of a connector. Add \`rca\`, with its \`type\`.`,
    )
  const problems = result.error.issues.map(({ path, message }) => `\`${path.join('.')}\`: ${message}`)
  throw new CliError(`${file} is invalid: ${problems.join('; ')}`)
}
