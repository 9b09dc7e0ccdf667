import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Absence } from '../real.ts'
import { hasProgram } from '../run.ts'
import { findBinaries } from './binaries.ts'
import { componentsIn } from './component-processes.ts'
import { controlPlane, type RunningApi } from './control-plane.ts'
import { kubeconfigOf, makeCredentials, writeKubeconfigs } from './credentials.ts'
import { controllersCommand } from './node-components.ts'

/** Range of its ports. Kubernetes' own NodePorts and outgoing connections use higher ones. */
const MIN_PORT = 20_000
const MAX_PORT = 30_000

/** Names of its processes, in the order in which they stop. */
const COMPONENTS = ['controllers', 'apiserver', 'etcd']

/** Controllers that do not change the pods and nodes of a test. */
const CONTROLLERS = [
  'namespace',
  'serviceaccount',
  'serviceaccount-token',
  'resourcequota',
  'garbagecollector',
  'root-ca-cert-publisher',
]

const FLAGS = [
  '--endpoint-reconciler-type=none',
  '--disable-admission-plugins=ServiceAccount,TaintNodesByCondition',
  // Names of nodes cannot be resolved here.
  '--kubelet-preferred-address-types=InternalIP',
]

export interface ApiServerOptions {
  /** Directory of everything that it writes. */
  readonly folder: string
  /** Runs the controllers that complete the deletion of namespaces and count quotas. @default false */
  readonly controllers?: boolean
}

/** An API server on loopback, without nodes. Its processes: `etcd`, `apiserver`, `controllers`. */
export interface ApiServer extends RunningApi<'apiserver' | 'etcd'> {
  /** URL of etcd, without credentials. */
  readonly etcdUrl: string
}

/** Returns what this machine lacks to start an API server. */
export async function missingForApiServer(): Promise<Absence> {
  if (findBinaries('api-server') === undefined) {
    const fix = 'run `npm run rig -- kubernetes build`, or set `KUBEBUILDER_ASSETS` to their directory'
    return { missing: `etcd and kube-apiserver are not installed; ${fix}` }
  }
  return (await hasProgram('openssl')) ? {} : { missing: '`openssl` is not installed' }
}

/** Starts an API server in an emptied directory. @throws Error when programs are missing, or with the end of a log */
export async function startApiServer({ folder, controllers = false }: ApiServerOptions): Promise<ApiServer> {
  const binaries = findBinaries(controllers ? 'node' : 'api-server')
  if (binaries === undefined)
    throw new Error('The Kubernetes programs are not installed. Run `npm run rig -- kubernetes build`.')
  await removeApiServer(folder)
  mkdirSync(folder, { recursive: true })
  const address = '127.0.0.1'
  const [api = 0, etcd = 0, etcdPeer = 0, controllersPort = 0] = await freePorts(4)
  const credentials = await makeCredentials(join(folder, 'pki'), address)
  const components = componentsIn(folder)
  const ports = { api, etcd, etcdPeer }
  const plane = controlPlane({ folder, components, binaries, credentials, address, ports, flags: FLAGS })
  const kubeconfig = writeKubeconfigs(folder, plane.api.url, credentials)
  const start = async (): Promise<void> => {
    await plane.start()
    const options = { folder, binaries, kubeconfig, pki: credentials.folder }
    const flags = [`--secure-port=${controllersPort}`, `--controllers=${CONTROLLERS.join(',')}`]
    if (controllers) await components.start('controllers', controllersCommand(options, flags))
  }
  const stop = (): Promise<void> => removeApiServer(folder)
  try {
    await start()
  } catch (error) {
    await stop()
    throw error
  }
  return {
    kubeconfig,
    url: plane.api.url,
    etcdUrl: plane.etcdUrl,
    ca: credentials.ca,
    kubeconfigOf: (user) => kubeconfigOf(kubeconfig, user),
    tokenOf: credentials.tokenOf,
    pids: components.pids,
    signal: components.signal,
    restart: start,
    compact: plane.compact,
    stop,
  }
}

/** Stops everything that was started in a directory, and deletes it. */
export async function removeApiServer(folder: string): Promise<void> {
  const components = componentsIn(folder)
  for (const name of COMPONENTS) await components.stop(name)
  await rm(folder, { recursive: true, force: true })
}

/** Returns free ports of loopback, which a busy machine does not use for outgoing connections in the meantime. */
async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  while (ports.size < count) {
    const port = randomInt(MIN_PORT, MAX_PORT)
    if (await isFree(port)) ports.add(port)
  }
  return [...ports]
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  const isListening = await once(server, 'listening').then(
    () => true,
    () => false,
  )
  if (isListening) await new Promise((resolve) => server.close(resolve))
  return isListening
}
