import { mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import type { Absence } from '../absence.ts'
import { hasProgram } from '../run.ts'
import { findBinaries } from './binaries.ts'
import { componentsIn } from './components.ts'
import { controlPlane } from './control-plane.ts'
import { kubeconfigOf, makeCredentials, type User, writeKubeconfigs } from './credentials.ts'

/** Of its processes, in the order in which they stop. */
const COMPONENTS = ['controllers', 'apiserver', 'etcd']

/** Those that leave pods and nodes alone which a test made. */
const CONTROLLERS = [
  'namespace',
  'serviceaccount',
  'serviceaccount-token',
  'resourcequota',
  'garbagecollector',
  'root-ca-cert-publisher',
]

/** Of the API server. */
const FLAGS = [
  '--endpoint-reconciler-type=none',
  '--disable-admission-plugins=ServiceAccount,TaintNodesByCondition',
  // No name of a node leads anywhere here.
  '--kubelet-preferred-address-types=InternalIP',
]

export interface ApiServerOptions {
  /** Holds everything that it writes. */
  readonly folder: string
  /** Whether the controllers run that complete the deletion of a namespace and count quotas. @default false */
  readonly controllers?: boolean
}

/** An API server on loopback, with RBAC, on which no pod runs. */
export interface ApiServer {
  /** Of an administrator. */
  readonly kubeconfig: string
  readonly url: string
  /** Of its store, without credentials. */
  readonly etcdUrl: string
  /** Of the authority that its certificate is from, as PEM. */
  readonly ca: string
  kubeconfigOf(user: User): string
  tokenOf(user: 'admin' | 'viewer' | 'nobody'): string
  /** Of the processes that run: `etcd`, `apiserver`, `controllers`. */
  pids(): Readonly<Record<string, number>>
  /** Resolves when it has the signal; for SIGKILL, when it is gone. */
  signal(component: 'apiserver' | 'etcd', name: NodeJS.Signals): Promise<void>
  /** Starts what has ended, with what it had stored. Resolves when the API is ready. */
  restart(): Promise<void>
  /** Makes etcd forget all but the newest state: to continue an older list is then 410 Gone. */
  compact(): Promise<void>
  /** Ends it and deletes its folder. */
  stop(): Promise<void>
}

/** What is absent here for an API server to start. */
export async function missingForApiServer(): Promise<Absence> {
  if (findBinaries('api-server') === undefined) {
    const ways = '`npm run rig -- kubernetes build` builds them, or `KUBEBUILDER_ASSETS` names their folder'
    return { missing: `etcd and kube-apiserver are not here; ${ways}` }
  }
  return (await hasProgram('openssl')) ? {} : { missing: '`openssl` is not installed' }
}

/** Starts etcd and kube-apiserver; what was in the folder is removed. @throws Error where the programs are absent, or with the end of a log */
export async function startApiServer({ folder, controllers = false }: ApiServerOptions): Promise<ApiServer> {
  const binaries = findBinaries(controllers ? 'node' : 'api-server')
  if (binaries === undefined)
    throw new Error('The Kubernetes programs are not here. `npm run rig -- kubernetes build` builds them.')
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
    if (!controllers) return
    const pki = (file: string): string => join(credentials.folder, file)
    await components.start('controllers', [
      join(binaries, 'kube-controller-manager'),
      `--kubeconfig=${kubeconfigOf(kubeconfig, 'controllers')}`,
      `--bind-address=${address}`,
      '--port=0',
      `--secure-port=${controllersPort}`,
      `--cert-dir=${join(folder, 'certificates')}`,
      `--service-account-private-key-file=${pki('service-account-key.pem')}`,
      `--root-ca-file=${pki('ca.pem')}`,
      '--use-service-account-credentials=true',
      '--leader-elect=false',
      `--controllers=${CONTROLLERS.join(',')}`,
    ])
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

/** Ends what was started in a folder, and deletes it. */
export async function removeApiServer(folder: string): Promise<void> {
  const components = componentsIn(folder)
  for (const name of COMPONENTS) await components.stop(name)
  await rm(folder, { recursive: true, force: true })
}

/** Ports of loopback that nobody uses now. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
