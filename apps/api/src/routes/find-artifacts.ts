import type { Context } from '../http/context.ts'
import { ProblemError, unavailable } from '../http/problem-error.ts'
import { type Artifacts, ArtifactsError, readArtifacts } from '../install/artifacts.ts'

/** Time until artifacts that are being built may be complete. */
const RETRY_AFTER_SECONDS = 30

/** Reads the agent's archives. @throws {ProblemError} 404 when there are none, 503 when they are broken */
export async function findArtifacts({ artifactsFolder }: Pick<Context, 'artifactsFolder'>): Promise<Artifacts> {
  try {
    return await readArtifacts(artifactsFolder)
  } catch (error) {
    if (!(error instanceof ArtifactsError)) throw error
    if (error.reason === 'missing') throw new ProblemError(404, error.message, { cause: error })
    throw unavailable(error.message, RETRY_AFTER_SECONDS, error)
  }
}

/** Returns the version of the newest archives, or `undefined` when they are missing or broken. */
export async function findLatestVersion({
  artifactsFolder,
}: Pick<Context, 'artifactsFolder'>): Promise<string | undefined> {
  try {
    return (await readArtifacts(artifactsFolder)).version
  } catch (error) {
    if (error instanceof ArtifactsError) return undefined
    throw error
  }
}
