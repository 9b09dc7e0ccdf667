import { cpSync, existsSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './run.ts'
import { type SharedResource, sharedResource, testRun } from './shared-resource.ts'

/** Archives of the agent for this machine's platform, in two versions with one signing key. */
export interface SharedArchives {
  /** Folder with `FIRST_VERSION` alone, as value of `RCA_ARTIFACTS_DIR`. Tests change only copies of it. */
  readonly first: string
  /** Folder with both versions. */
  readonly both: string
  /** File with the key that signed them. */
  readonly signingKey: string
}

/** Versions of the shared archives. */
export const FIRST_VERSION = '1.0.0'
export const SECOND_VERSION = '2.0.0'

/** Time to build one archive. It takes a quarter of a minute on a quiet machine. */
const BUILD_TIMEOUT_MS = 900_000

/** Time in which the shared archives are there, also if another process builds them. */
export const ARCHIVES_TIMEOUT_MS = 2 * BUILD_TIMEOUT_MS

const repository = fileURLToPath(new URL('../..', import.meta.url))

/** Returns the archives that the tests of a run share. The first test that asks for them builds them. */
export async function findArchives(user: number = testRun()): Promise<SharedArchives> {
  const shared = archivesOf(user)
  return shared.locked(async () => {
    const { folder } = shared.current() ?? { folder: await build() }
    if (shared.current() === undefined) shared.record({ folder })
    shared.join(user)
    return foldersIn(folder)
  })
}

/** Deletes the archives of a test run. */
export async function releaseArchives(user: number): Promise<void> {
  await archivesOf(user).release(user)
}

/** Each run has its own, since the sources change in between. */
function archivesOf(user: number): SharedResource<{ readonly folder: string }> {
  return sharedResource({
    name: `rca-rig-archives-${user}`,
    exists: ({ folder }) => existsSync(folder),
    stop: ({ folder }) => rm(folder, { recursive: true, force: true }),
  })
}

function foldersIn(folder: string): SharedArchives {
  return { first: join(folder, 'first'), both: join(folder, 'both'), signingKey: join(folder, 'key.pem') }
}

async function build(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'rca-rig-archives-'))
  const { first, both, signingKey } = foldersIn(folder)
  const buildInto = (artifacts: string, version: string): Promise<string> => {
    const options = ['--platform', `linux-${process.arch}`, '--version', version]
    return run(process.execPath, ['--conditions=@rca/source', 'scripts/artifacts.ts', ...options], {
      cwd: repository,
      env: { RCA_ARTIFACTS_DIR: artifacts, RCA_SIGNING_KEY: signingKey },
      timeout: BUILD_TIMEOUT_MS,
    })
  }
  try {
    await buildInto(first, FIRST_VERSION)
    cpSync(first, both, { recursive: true })
    await buildInto(both, SECOND_VERSION)
    return folder
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}
