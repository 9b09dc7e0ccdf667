import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { BUSYBOX_IMAGE } from '../docker/test-images.ts'
import type { Absence } from '../real.ts'
import { eventually, run } from '../run.ts'
import { type SharedResource, sharedResource } from '../shared-resource.ts'
import { missingForApiServer, removeApiServer, startApiServer } from './api-server.ts'
import { findKubectl, type Level } from './binaries.ts'
import { missingForCluster, removeCluster, startCluster } from './cluster.ts'
import { componentsIn } from './component-processes.ts'

interface SharedCluster {
  readonly kubeconfig: string
  readonly dockerHost?: string | undefined
  readonly hostAddress?: string | undefined
}

/** Image of test pods in the cluster of `KUBECONFIG`, unless `RCA_RIG_POD_IMAGE` names another one with busybox. */
const PUBLIC_IMAGE = 'busybox:1.36'

/** Cluster to run tests against. */
export interface FoundCluster extends Absence {
  /** Kubeconfig of an administrator, or empty. `kubeconfigOf` has the users of a private cluster. */
  readonly kubeconfig: string
  /** The cluster is private, so tests may fill it. */
  readonly isOurs: boolean
  /** Image for pods, with a shell and the usual programs. */
  readonly image: string
  /** Address of the engine that runs the pods of a private cluster. */
  readonly dockerHost?: string | undefined
  /** Address of this machine for the pods of a private cluster. */
  readonly hostAddress?: string | undefined
}

const folders: Readonly<Record<Level, string>> = {
  'api-server': join(tmpdir(), 'rca-rig-apiserver'),
  node: join(tmpdir(), 'rca-rig-kubernetes'),
}

const shared: Readonly<Record<Level, SharedResource<SharedCluster>>> = {
  'api-server': sharedFolder(folders['api-server'], removeApiServer),
  node: sharedFolder(folders.node, removeCluster),
}

function sharedFolder(folder: string, remove: (folder: string) => Promise<void>): SharedResource<SharedCluster> {
  return sharedResource({ name: basename(folder), exists: () => existsSync(folder), stop: () => remove(folder) })
}

/**
 * Finds the cluster of `KUBECONFIG`. If it does not answer, starts a private one that all processes of this machine
 * share: an API server, or a cluster of one node. Starting needs the Kubernetes programs, which are not built here.
 *
 * In the cluster of `KUBECONFIG`, tests must use their own namespaces and delete them.
 *
 * @param user process that calls `releaseCluster` at its end; without one, a private cluster stays
 * @param options `onlyOurs` finds a private cluster in any case: its pods run images of this machine and reach it
 */
export async function findCluster(
  level: Level,
  user?: number,
  { onlyOurs = false }: { readonly onlyOurs?: boolean } = {},
): Promise<FoundCluster> {
  const kubectl = await findKubectl()
  if (kubectl === undefined) return absent({ missing: '`kubectl` is not installed' })
  const { KUBECONFIG: chosen = '' } = process.env
  const own = shared[level]
  return own.locked(async () => {
    const isOurs = onlyOurs || chosen === '' || chosen === own.current()?.kubeconfig
    if (!isOurs && (await answers(kubectl, chosen, level)))
      return { kubeconfig: chosen, isOurs: false, image: process.env.RCA_RIG_POD_IMAGE || PUBLIC_IMAGE }
    let running = own.current()
    // Starting another one in its directory would break the tests that use it.
    if (running === undefined || !(await becomesReady(kubectl, running, level))) {
      const absence = level === 'node' ? await missingForCluster() : await missingForApiServer()
      if (absence.missing !== undefined) return absent(absence)
      running = await start(level)
      own.record(running)
    }
    own.join(user)
    const { kubeconfig, dockerHost, hostAddress } = running
    return { kubeconfig, dockerHost, hostAddress, isOurs: true, image: BUSYBOX_IMAGE }
  })
}

/** Stops the private cluster: at once, or, given a `user`, if that was its last user and it is not to stay. */
export async function releaseCluster(level: Level, user?: number): Promise<'stopped' | 'left alone'> {
  return shared[level].release(user)
}

/** Waits until a private cluster answers, which takes time on a busy machine. Returns false if its API server ended. */
async function becomesReady(kubectl: string, { kubeconfig }: SharedCluster, level: Level): Promise<boolean> {
  const isHopeless = (): boolean => !componentsIn(folders[level]).isAlive('apiserver')
  return eventually(() => answers(kubectl, kubeconfig, level), { isHopeless })
}

function absent(absence: Absence): FoundCluster {
  return { kubeconfig: '', isOurs: false, image: '', ...absence }
}

async function start(level: Level): Promise<SharedCluster> {
  const folder = folders[level]
  if (level === 'api-server') return { kubeconfig: (await startApiServer({ folder })).kubeconfig }
  const { kubeconfig, dockerHost, hostAddress } = await startCluster({ folder })
  return { kubeconfig, dockerHost, hostAddress }
}

/** Returns true if the API server answers and, for the level `node`, has a node. */
async function answers(kubectl: string, kubeconfig: string, level: Level): Promise<boolean> {
  const ask = (...args: string[]): Promise<string> =>
    run(kubectl, ['--kubeconfig', kubeconfig, '--request-timeout=30s', ...args], { timeout: 60_000 }).catch(() => '')
  return level === 'node'
    ? (await ask('get', 'nodes', '--output=name')) !== ''
    : (await ask('version')).includes('Server')
}
