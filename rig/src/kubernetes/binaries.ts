import { accessSync, constants, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hasProgram, run } from '../run.ts'

/** Of Debian 12's source package. */
const VERSION = '1.20.2'

/** Of the changes that `build-kubernetes.sh` makes to the source: to be raised with each, so that caches are built anew. */
const PATCH = '1'

/** How long a build may take, in milliseconds. */
const LONGEST_BUILD = 3_600_000

/** An API server alone, or a whole cluster of one node on which pods run. */
export type Level = 'api-server' | 'node'

const PROGRAMS: Readonly<Record<Level, readonly string[]>> = {
  'api-server': ['etcd', 'kube-apiserver'],
  node: ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy'],
}

/** The folder that `KUBEBUILDER_ASSETS` names if it has what is needed, else this machine's cache if that has; `undefined` where neither has. */
export function findBinaries(level: Level): string | undefined {
  const { KUBEBUILDER_ASSETS: assets } = process.env
  // A node's programs are started with another working directory.
  if (assets !== undefined && hasAll(assets, level)) return resolve(assets)
  return isCurrent() && hasAll(cacheFolder(), level) ? cacheFolder() : undefined
}

/** Builds what a whole cluster needs into this machine's cache, unless it is there. @throws Error where this machine cannot build it, or with the end of the compiler's output */
export async function buildBinaries(): Promise<string> {
  const found = findBinaries('node')
  if (found !== undefined) return found
  if (process.getuid?.() !== 0 || !(await hasProgram('apt-get')))
    throw new Error('Kubernetes is built only by root on Debian. `KUBEBUILDER_ASSETS` may name a folder that has it.')
  const script = fileURLToPath(new URL('build-kubernetes.sh', import.meta.url))
  await run('bash', [script, cacheFolder(), VERSION, PATCH], { timeout: LONGEST_BUILD })
  return cacheFolder()
}

/** The `kubectl` beside the binaries, else the one on the `PATH`; `undefined` where there is none. */
export async function findKubectl(): Promise<string | undefined> {
  const { KUBEBUILDER_ASSETS: assets } = process.env
  if (assets !== undefined && isProgram(join(assets, 'kubectl'))) return join(assets, 'kubectl')
  return (await hasProgram('kubectl')) ? 'kubectl' : undefined
}

function cacheFolder(): string {
  return resolve(process.env.RCA_RIG_CACHE ?? join(homedir(), '.cache/rca-rig'), 'bin')
}

function isCurrent(): boolean {
  try {
    return readFileSync(join(cacheFolder(), 'version'), 'utf8').trim() === `${VERSION} patch ${PATCH}`
  } catch {
    return false
  }
}

function hasAll(folder: string, level: Level): boolean {
  return PROGRAMS[level].every((program) => isProgram(join(folder, program)))
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
