import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Absence } from '../absence.ts'
import { BUSYBOX_IMAGE } from '../docker/busybox-image.ts'
import { run } from '../run.ts'
import { type Sharing, sharing } from '../sharing.ts'
import { missingForApiServer, removeApiServer, startApiServer } from './api-server.ts'
import { findKubectl, type Level } from './binaries.ts'
import { missingForCluster, removeCluster, startCluster } from './cluster.ts'

/** Of a cluster that we started. */
interface SharedCluster {
  readonly kubeconfig: string
  readonly dockerHost?: string
  readonly hostAddress?: string
}

/** What the pods of other clusters than ours run in tests, unless `RCA_RIG_POD_IMAGE` names another that has busybox or its like. */
const PUBLIC_IMAGE = 'busybox:1.36'

/** Which clusters will do. */
export interface ClusterWish {
  /** A private one, also where that of `KUBECONFIG` answers: its pods run images that were built here, and reach this machine. @default false */
  readonly onlyOurs?: boolean
}

/** What there is to run tests against. */
export interface FoundCluster extends Absence {
  /** Of an administrator. Empty where there is none. Where it is ours, `kubeconfigOf` names those of other users. */
  readonly kubeconfig: string
  /** Whether it was started here, and so may be filled at will. */
  readonly isOurs: boolean
  /** For pods: it has a shell and the usual programs. */
  readonly image: string
  /** The engine that runs the pods of ours, for images. */
  readonly dockerHost?: string
  /** This machine, seen from the pods of ours. */
  readonly hostAddress?: string
}

const folders: Readonly<Record<Level, string>> = {
  'api-server': join(tmpdir(), 'rca-rig-apiserver'),
  node: join(tmpdir(), 'rca-rig-kubernetes'),
}

const shared: Readonly<Record<Level, Sharing<SharedCluster>>> = {
  'api-server': sharing({
    name: 'rca-rig-apiserver',
    isThere: () => existsSync(folders['api-server']),
    stop: () => removeApiServer(folders['api-server']),
  }),
  node: sharing({
    name: 'rca-rig-kubernetes',
    isThere: () => existsSync(folders.node),
    stop: () => removeCluster(folders.node),
  }),
}

/**
 * The cluster of `KUBECONFIG` if it answers, else a private one that all callers on this machine share: an API server alone,
 * or a whole cluster of one node. That starts where its programs are; nothing is built here.
 *
 * Whoever uses that of `KUBECONFIG` fills nothing but namespaces of its own, and deletes them.
 *
 * @param user process that calls `releaseCluster` at its end; without one, a private cluster stays
 */
export async function findCluster(
  level: Level,
  user?: number,
  { onlyOurs = false }: ClusterWish = {},
): Promise<FoundCluster> {
  const kubectl = await findKubectl()
  if (kubectl === undefined) return absent({ missing: '`kubectl` is not installed' })
  const { KUBECONFIG: chosen = '' } = process.env
  const own = shared[level]
  return own.locked(async () => {
    const isOurs = onlyOurs || chosen === '' || chosen === own.current()?.kubeconfig
    if (!isOurs && (await answers(kubectl, chosen, level)))
      return { kubeconfig: chosen, isOurs: false, image: process.env.RCA_RIG_POD_IMAGE || PUBLIC_IMAGE }
    const running = own.current()
    if (running === undefined || !(await answers(kubectl, running.kubeconfig, level))) {
      const absence = level === 'node' ? await missingForCluster() : await missingForApiServer()
      if (absence.missing !== undefined) return absent(absence)
      own.note(await start(level))
    }
    own.join(user)
    const { kubeconfig = '', dockerHost, hostAddress } = own.current() ?? {}
    return {
      kubeconfig,
      isOurs: true,
      image: BUSYBOX_IMAGE,
      ...(dockerHost === undefined ? {} : { dockerHost }),
      ...(hostAddress === undefined ? {} : { hostAddress }),
    }
  })
}

/** Stops the private cluster if there is one: at once, or when `user` was the last that used it and nobody wants it to stay. */
export async function releaseCluster(level: Level, user?: number): Promise<'stopped' | 'left alone'> {
  return shared[level].release(user)
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

/** Whether an API server answers, and has a node where one is needed. */
async function answers(kubectl: string, kubeconfig: string, level: Level): Promise<boolean> {
  const ask = (...words: string[]): Promise<string> =>
    run(kubectl, ['--kubeconfig', kubeconfig, '--request-timeout=5s', ...words], { timeout: 10_000 }).catch(() => '')
  return level === 'node'
    ? (await ask('get', 'nodes', '--output=name')) !== ''
    : (await ask('version')).includes('Server')
}
