import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cacheFolder } from '../cache-folder.ts'
import { NEWER_SYSTEM } from '../docker/engine-release.ts'
import { buildRoot, findRoot } from '../machine/machine-root.ts'
import { retryBuild } from '../machine/retry-build.ts'
import { hasProgram, run } from '../run.ts'

const SCRIPT = fileURLToPath(new URL('vm-image.sh', import.meta.url))

/** Time that a disk has to be filled, in milliseconds. It takes half a minute on a quiet machine. */
const BUILD_TIMEOUT_MS = 1_800_000

/** Returns the directory with the kernel and the disk of virtual machines, if this machine's cache has it. */
export function findImage(): string | undefined {
  const root = findRoot(NEWER_SYSTEM)
  const folder = root === undefined ? undefined : imageFolder(root)
  return folder !== undefined && existsSync(folder) ? folder : undefined
}

/** Builds the kernel and the disk into this machine's cache, unless it has them. Returns the directory. */
export async function buildImage(): Promise<string> {
  const root = await buildRoot(NEWER_SYSTEM)
  const folder = imageFolder(root)
  if (existsSync(folder)) return folder
  for (const program of ['mke2fs', 'ssh-keygen'])
    if (!(await hasProgram(program))) throw new Error(`Building a virtual machine needs \`${program}\`.`)
  await retryBuild('The virtual machine', () => run('bash', [SCRIPT, folder, root], { timeout: BUILD_TIMEOUT_MS }))
  return folder
}

/** Returns a directory whose name changes with the system and with the script that creates it. */
function imageFolder(root: string): string {
  const hash = createHash('sha256').update(basename(root)).update(readFileSync(SCRIPT))
  return join(cacheFolder('vm'), `image-${hash.digest('hex').slice(0, 8)}`)
}
