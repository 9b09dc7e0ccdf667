import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseMinisignKey, verifyMinisign } from '@rca/core'
import { valid } from 'semver'
import { z } from 'zod'

/** Lists the other files, with their SHA-256. The signature and its key are the only files that it cannot list. */
const SUMS = 'SHA256SUMS'
const SIGNATURE = 'SHA256SUMS.minisig'
const PUBLIC_KEY = 'rca-agent.pub'
const RELEASE = 'release.json'

const releaseSchema = z.object({
  version: z.string().refine((text) => valid(text) === text, 'must be a semantic version'),
  files: z.record(z.string(), z.object({ name: z.string(), sha256: z.string() })),
})

/** Archives of the agent, as `npm run artifacts` builds them. */
export interface Artifacts {
  /** Version of the newest archives. */
  readonly version: string
  /** The newest archives by platform, such as `linux-x64`. */
  readonly archives: z.output<typeof releaseSchema>['files']
  /** SHA-256 of every file that may be downloaded, by its name. */
  readonly digests: ReadonlyMap<string, string>
  /** SHA-256 of the list of files. */
  readonly sumsDigest: string
  /** The minisign public key, in base64. */
  readonly publicKey: string
}

/** The archives are missing, or broken and must not be served. The message does not contain the folder. */
export class ArtifactsError extends Error {
  readonly reason: 'missing' | 'broken'

  constructor(reason: 'missing' | 'broken', message: string, cause: unknown) {
    super(message, { cause })
    this.name = 'ArtifactsError'
    this.reason = reason
  }
}

/**
 * Reads the list of files in a folder and verifies its signature. The folder may be filled while the API runs.
 *
 * @throws {ArtifactsError}
 */
export async function readArtifacts(folder: string): Promise<Artifacts> {
  const sums = await read(folder, SUMS)
  const signature = await read(folder, SIGNATURE)
  const key = await read(folder, PUBLIC_KEY)
  const release = await read(folder, RELEASE)
  const publicKey = check(PUBLIC_KEY, () => parseMinisignKey(key.toString()))
  check(SIGNATURE, () => verifyMinisign(sums, signature.toString(), publicKey))
  const listed = check(SUMS, () => parseSums(sums.toString()))
  const { version, files } = check(RELEASE, () => {
    if (listed.get(RELEASE) !== sha256(release)) throw new Error(`differs from ${SUMS}`)
    return releaseSchema.parse(JSON.parse(release.toString()))
  })
  const sumsDigest = sha256(sums)
  const digests = new Map([...listed, [SUMS, sumsDigest], [SIGNATURE, sha256(signature)], [PUBLIC_KEY, sha256(key)]])
  return { version, archives: files, digests, sumsDigest, publicKey }
}

async function read(folder: string, name: string): Promise<Buffer> {
  try {
    return await readFile(join(folder, name))
  } catch (error) {
    if (name !== SUMS || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw broken(name, 'cannot be read', error)
    throw new ArtifactsError(
      'missing',
      'This platform has no archives of the agent. Run `npm run artifacts` in its repository, or set `RCA_ARTIFACTS_DIR` to a folder with them.',
      error,
    )
  }
}

/** Parses the output of `sha256sum`. @throws {Error} for another line, or for a path instead of a name */
function parseSums(text: string): Map<string, string> {
  const lines = text.split('\n').filter((line) => line !== '')
  return new Map(
    lines.map((line) => {
      const [, digest, name] = /^([0-9a-f]{64}) [ *]([A-Za-z0-9][A-Za-z0-9._+-]*)$/.exec(line) ?? []
      if (digest === undefined || name === undefined) throw new Error('must be the output of `sha256sum`')
      return [name, digest]
    }),
  )
}

function check<Value>(name: string, run: () => Value): Value {
  try {
    return run()
  } catch (error) {
    throw broken(name, error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message, error)
  }
}

function broken(name: string, problem: string, cause: unknown): ArtifactsError {
  return new ArtifactsError(
    'broken',
    `The archives of the agent are not served: \`${name}\` ${problem}. Build them again with \`npm run artifacts\`.`,
    cause,
  )
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
