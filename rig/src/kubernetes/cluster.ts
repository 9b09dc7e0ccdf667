import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Absence } from '../absence.ts'
import { importBusybox } from '../docker/busybox-image.ts'
import { makePauseImage } from '../docker/pause-image.ts'
import { engineOf, removePrivateEngine, startPrivateEngine, unmountBelow } from '../docker/private-engine.ts'
import { hasProgram, run } from '../run.ts'
import { type ApiAddress, askApi } from './api-request.ts'
import { findBinaries } from './binaries.ts'
import { hasControllers, makeCgroup, removeCgroup } from './cgroups.ts'
import { type Components, componentsIn } from './components.ts'
import { controlPlane, waitFor } from './control-plane.ts'
import {
  kubeconfigOf,
  makeCredentials,
  NODE_NAME,
  SERVICE_ADDRESS,
  type User,
  writeKubeconfigs,
} from './credentials.ts'
import { keepKernelSettings } from './kernel-settings.ts'
import { apiServerFlags, kubeletConfig, kubeletConfigFile, nodeCommands } from './node-components.ts'
import { connectNode, disconnectNode, freeNumber, nodeNetwork } from './node-network.ts'

/** Of a cluster's processes, in the order in which they stop. */
const COMPONENTS = ['kubelet', 'proxy', 'scheduler', 'controllers', 'apiserver', 'etcd'] as const

const NEEDED = ['conntrack', 'docker', 'dockerd', 'ip', 'iptables', 'nsenter', 'openssl', 'sysctl', 'unshare']

const PORTS = { api: 6443, etcd: 2379, etcdPeer: 2380 }

/** What another process needs to undo a cluster. */
interface ClusterNote {
  readonly number: number
  readonly dockerHost: string
  readonly enginePid: number
}

/** A cluster of one node, on which pods run, over a Docker Engine of its own. */
export interface Cluster {
  /** Of an administrator. */
  readonly kubeconfig: string
  readonly url: string
  /** Of the authority that its certificate is from, as PEM. */
  readonly ca: string
  /** The engine that runs the pods: images must be there, since none can be pulled. It has `busybox:local`. */
  readonly dockerHost: string
  readonly nodeName: string
  readonly nodeAddress: string
  /** This machine, seen from pods. */
  readonly hostAddress: string
  kubeconfigOf(user: User): string
  tokenOf(user: 'admin' | 'viewer' | 'nobody'): string
  /** Of the processes that run. */
  pids(): Readonly<Record<string, number>>
  /** Resolves when it has the signal; for SIGKILL, when it is gone. */
  signal(component: (typeof COMPONENTS)[number], name: NodeJS.Signals): Promise<void>
  /** Starts what has ended. Resolves when the node is ready. */
  restart(): Promise<void>
  /** Makes etcd forget all but the newest state: to continue an older list is then 410 Gone. */
  compact(): Promise<void>
  /** Ends it, undoes what it did to this machine and deletes its folder. */
  stop(): Promise<void>
}

/** What is absent here for a cluster to start. */
export async function missingForCluster(): Promise<Absence> {
  if (!hasControllers())
    return { missing: 'Kubernetes 1.20 needs control groups of version 1 with all controllers', isUnattainable: true }
  if (process.getuid?.() !== 0) return { missing: 'only root starts a cluster' }
  if (findBinaries('node') === undefined)
    return { missing: 'the Kubernetes programs are not here; `npm run rig -- kubernetes build` builds them' }
  for (const program of NEEDED) if (!(await hasProgram(program))) return { missing: `\`${program}\` is not installed` }
  return {}
}

/**
 * Starts a cluster in namespaces of its own, with a cable to this machine, so that it shares neither ports nor firewall
 * rules nor logs nor mounts with anything. What was in the folder is removed.
 *
 * @throws Error where something is missing, or with the end of a log
 */
export async function startCluster({ folder }: { readonly folder: string }): Promise<Cluster> {
  const { missing } = await missingForCluster()
  if (missing !== undefined) throw new Error(`No cluster can be started: ${missing}.`)
  await removeCluster(folder)
  mkdirSync(folder, { recursive: true })
  try {
    return await startIn(folder, findBinaries('node') ?? '')
  } catch (error) {
    await removeCluster(folder)
    throw error
  }
}

/** Ends what was started in a folder, undoes what it did to this machine and deletes the folder. */
export async function removeCluster(folder: string): Promise<void> {
  const components = componentsIn(folder)
  for (const name of COMPONENTS) await components.stop(name)
  const note = readNote(folder)
  if (note !== undefined) {
    const pid = isEngineOf(folder, note.enginePid) ? note.enginePid : 0
    await removePrivateEngine(engineOf(note.dockerHost, pid), join(folder, 'engine'))
    await removeCgroup(cgroupOf(note.number))
    await disconnectNode(note.number)
  }
  await unmountBelow(folder)
  await rm(folder, { recursive: true, force: true })
}

async function startIn(folder: string, binaries: string): Promise<Cluster> {
  const number = freeNumber()
  const { podGateway } = nodeNetwork(number, 0)
  const flags = ['--bip', `${podGateway}/24`, '--exec-opt', 'native.cgroupdriver=cgroupfs']
  // A kubelet links the logs of pods below `/var/log`, which no flag moves, and clears away there what it does not know: other kubelets' links.
  const logFolder = join(folder, 'var-log')
  const { dockerHost, pid } = await startPrivateEngine({ folder: join(folder, 'engine'), flags, logFolder })
  writeNote(folder, { number, dockerHost, enginePid: pid })
  const network = nodeNetwork(number, pid)
  const { prefix, nodeAddress: address } = network
  await connectNode(network, pid)
  const images = importBusybox(dockerHost).then(() => makePauseImage(dockerHost))
  const pki = join(folder, 'pki')
  const [credentials] = await Promise.all([makeCredentials(pki, address), images])
  const components = componentsIn(folder)
  const plane = controlPlane({
    folder,
    components,
    binaries,
    credentials,
    address,
    ports: PORTS,
    prefix,
    flags: apiServerFlags(pki),
  })
  const kubeconfig = writeKubeconfigs(folder, plane.api.url, credentials)
  const cgroup = `/${cgroupOf(number)}`
  makeCgroup(cgroup)
  const node = { folder, binaries, kubeconfig, pki, dockerHost, cgroup, network }
  writeFileSync(kubeletConfigFile(folder), kubeletConfig(node))
  const start = async (): Promise<void> => {
    await plane.start()
    const restoreKernel = keepKernelSettings()
    for (const [name, command] of Object.entries(nodeCommands(node)))
      await components.start(name, [...prefix, ...command])
    await waitForNode(plane.api, components, prefix)
    restoreKernel()
  }
  await start()
  return {
    kubeconfig,
    url: plane.api.url,
    ca: credentials.ca,
    dockerHost,
    nodeName: NODE_NAME,
    nodeAddress: address,
    hostAddress: network.hostAddress,
    kubeconfigOf: (user) => kubeconfigOf(kubeconfig, user),
    tokenOf: credentials.tokenOf,
    pids: components.pids,
    signal: components.signal,
    restart: start,
    compact: plane.compact,
    stop: () => removeCluster(folder),
  }
}

/** Until pods can be made that reach the API. */
async function waitForNode(api: ApiAddress, components: Components, prefix: readonly string[]): Promise<void> {
  const read = async (path: string): Promise<ApiObject> =>
    JSON.parse((await askApi(api, 'GET', path)).body) as ApiObject
  await waitFor(`the node ${NODE_NAME}`, components, 'kubelet', async () => {
    const { status } = await read(`/api/v1/nodes/${NODE_NAME}`)
    return status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false
  })
  await waitFor('the default service account', components, 'controllers', async () => {
    return ((await read('/api/v1/namespaces/default/serviceaccounts/default')).secrets ?? []).length > 0
  })
  await waitFor('the address of the API in the cluster', components, 'proxy', async () => {
    const [program = '', ...words] = [...prefix, 'iptables', '--wait', '-t', 'nat', '-S', 'KUBE-SERVICES']
    return (await run(program, words)).includes(SERVICE_ADDRESS)
  })
}

interface ApiObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] }
  readonly secrets?: readonly unknown[]
}

/** The control group of the pods of a cluster. */
function cgroupOf(number: number): string {
  return `rca-node${number}`
}

/** Whether a process is the engine of a cluster: one that has ended may have left its id to another. */
function isEngineOf(folder: string, pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(`dockerd\0--host\0unix://${folder}/`)
  } catch {
    return false
  }
}

function writeNote(folder: string, note: ClusterNote): void {
  writeFileSync(join(folder, 'cluster.json'), JSON.stringify(note))
}

function readNote(folder: string): ClusterNote | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'cluster.json'), 'utf8')) as ClusterNote
  } catch {
    return undefined
  }
}
