import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { attempt } from '../attempt.ts'
import { engineOf, removePrivateEngine, startPrivateEngine, unmountBelow } from '../docker/private-engine.ts'
import { importBusybox, makePauseImage } from '../docker/test-images.ts'
import type { Absence } from '../real.ts'
import { hasProgram, run } from '../run.ts'
import { type ApiAddress, requestApi } from './api-client.ts'
import { findBinaries } from './binaries.ts'
import { hasControllers, makeCgroup, removeCgroup } from './cgroups.ts'
import { type Components, componentsIn } from './component-processes.ts'
import { controlPlane, type RunningApi, waitFor } from './control-plane.ts'
import { kubeconfigOf, makeCredentials, NODE_NAME, SERVICE_ADDRESS, writeKubeconfigs } from './credentials.ts'
import { apiServerFlags, kubeletConfig, kubeletConfigFile, nodeCommands } from './node-components.ts'
import { connectNode, disconnectNode, freeNumber, nodeNetwork } from './node-network.ts'

/** Names of a cluster's processes, in the order in which they stop. */
const COMPONENTS = ['kubelet', 'proxy', 'scheduler', 'controllers', 'apiserver', 'etcd'] as const

const REQUIRED_PROGRAMS = [
  'conntrack',
  'docker',
  'dockerd',
  'ip',
  'iptables',
  'nsenter',
  'openssl',
  'sysctl',
  'unshare',
]

const PORTS = { api: 6443, etcd: 2379, etcdPeer: 2380 }

/** Facts that another process needs to remove a cluster. */
interface ClusterNote {
  readonly number: number
  readonly dockerHost: string
  readonly enginePid: number
  /** Absent until the node is connected. */
  readonly linkIndex?: number
}

/** A cluster of one node with its own Docker Engine. */
export interface Cluster extends RunningApi<(typeof COMPONENTS)[number]> {
  /** Address of the engine that runs the pods. It cannot pull images; it has `BUSYBOX_IMAGE`. */
  readonly dockerHost: string
  readonly nodeName: string
  readonly nodeAddress: string
  /** Address of this machine for pods. */
  readonly hostAddress: string
}

/** Returns what this machine lacks to start a cluster. */
export async function missingForCluster(): Promise<Absence> {
  if (!hasControllers())
    return { missing: 'Kubernetes 1.20 needs control groups of version 1 with all controllers', isUnattainable: true }
  if (process.getuid?.() !== 0) return { missing: 'starting a cluster needs root' }
  if (findBinaries('node') === undefined)
    return { missing: 'the Kubernetes programs are not installed; run `npm run rig -- kubernetes build`' }
  for (const program of REQUIRED_PROGRAMS)
    if (!(await hasProgram(program))) return { missing: `\`${program}\` is not installed` }
  return {}
}

/**
 * Starts a cluster in its own namespaces, connected to this machine by a veth pair, so that it shares no ports,
 * firewall rules, logs or mounts. Removes the previous content of the directory.
 *
 * @throws Error when something is missing, or with the end of a log
 */
export async function startCluster({ folder }: { readonly folder: string }): Promise<Cluster> {
  const { missing } = await missingForCluster()
  if (missing !== undefined) throw new Error(`Cannot start a cluster: ${missing}.`)
  await removeCluster(folder)
  mkdirSync(folder, { recursive: true })
  try {
    return await startIn(folder, findBinaries('node') ?? '')
  } catch (error) {
    await removeCluster(folder)
    throw error
  }
}

/** Stops the cluster of a directory, undoes its changes to this machine and deletes the directory. */
export async function removeCluster(folder: string): Promise<void> {
  const components = componentsIn(folder)
  for (const name of COMPONENTS) await components.stop(name)
  const note = readNote(folder)
  if (note !== undefined) {
    const pid = isEngineOf(folder, note.enginePid) ? note.enginePid : 0
    await removePrivateEngine(engineOf(note.dockerHost, pid), join(folder, 'engine'))
    await removeCgroup(cgroupOf(note.number))
    if (note.linkIndex !== undefined) await disconnectNode(note.linkIndex)
  }
  await unmountBelow(folder)
  await rm(folder, { recursive: true, force: true })
}

async function startIn(folder: string, binaries: string): Promise<Cluster> {
  const number = freeNumber()
  const { podGateway } = nodeNetwork(number, 0)
  const flags = ['--bip', `${podGateway}/24`, '--exec-opt', 'native.cgroupdriver=cgroupfs']
  // A kubelet links the logs of pods below `/var/log`, which has no flag, and removes the links of other kubelets
  // there.
  const logFolder = join(folder, 'var-log')
  const { dockerHost, pid } = await startPrivateEngine({
    folder: join(folder, 'engine'),
    flags,
    logFolder,
    release: 'installed',
  })
  writeNote(folder, { number, dockerHost, enginePid: pid })
  const network = nodeNetwork(number, pid)
  const { prefix, nodeAddress: address } = network
  writeNote(folder, { number, dockerHost, enginePid: pid, linkIndex: await connectNode(network, pid) })
  const images = importBusybox(dockerHost).then(() => makePauseImage(dockerHost))
  const pki = join(folder, 'pki')
  const [credentials] = await Promise.all([makeCredentials(pki, address), images])
  const components = componentsIn(folder)
  const shared = { folder, components, binaries, credentials, address }
  const plane = controlPlane({ ...shared, ports: PORTS, prefix, flags: apiServerFlags(pki) })
  const kubeconfig = writeKubeconfigs(folder, plane.api.url, credentials)
  const cgroup = `/${cgroupOf(number)}`
  makeCgroup(cgroup)
  const node = { folder, binaries, kubeconfig, pki, dockerHost, cgroup, network }
  writeFileSync(kubeletConfigFile(folder), kubeletConfig(node))
  const start = async (): Promise<void> => {
    await plane.start()
    const restoreKernel = saveKernelSettings()
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

/** Waits until pods can be created and reach the API. */
async function waitForNode(api: ApiAddress, components: Components, prefix: readonly string[]): Promise<void> {
  const read = async (path: string): Promise<ApiObject> =>
    JSON.parse((await requestApi(api, 'GET', path)).body) as ApiObject
  await waitFor(`the node ${NODE_NAME}`, components, 'kubelet', async () => {
    const { status } = await read(`/api/v1/nodes/${NODE_NAME}`)
    return status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false
  })
  await waitFor('the default service account', components, 'controllers', async () => {
    return ((await read('/api/v1/namespaces/default/serviceaccounts/default')).secrets ?? []).length > 0
  })
  await waitFor('the service address of the API', components, 'proxy', async () => {
    const [program = '', ...words] = [...prefix, 'iptables', '--wait', '-t', 'nat', '-S', 'KUBE-SERVICES']
    return (await run(program, words)).includes(SERVICE_ADDRESS)
  })
}

interface ApiObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] }
  readonly secrets?: readonly unknown[]
}

/** Returns the control group of a cluster's pods. */
function cgroupOf(number: number): string {
  return `rca-node${number}`
}

/** Returns true if a process is the engine of a cluster. The id of an ended engine may belong to another process. */
function isEngineOf(folder: string, pid: number): boolean {
  const commandLine = attempt(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
  return commandLine?.startsWith(`dockerd\0--host\0unix://${folder}/`) ?? false
}

function writeNote(folder: string, note: ClusterNote): void {
  writeFileSync(join(folder, 'cluster.json'), JSON.stringify(note))
}

function readNote(folder: string): ClusterNote | undefined {
  return attempt(() => JSON.parse(readFileSync(join(folder, 'cluster.json'), 'utf8')) as ClusterNote)
}

/** Kernel settings that a kubelet changes at its start, for the whole machine. */
const KERNEL_SETTINGS = [
  'kernel/keys/root_maxbytes',
  'kernel/keys/root_maxkeys',
  'kernel/panic',
  'kernel/panic_on_oops',
  'vm/overcommit_memory',
  'vm/panic_on_oom',
]

/** Saves the kernel settings. Returns a function that restores them. */
function saveKernelSettings(): () => void {
  const before = KERNEL_SETTINGS.map((name) => [name, readSetting(name)] as const)
  return () => {
    for (const [name, value] of before)
      if (value !== undefined && readSetting(name) !== value) writeFileSync(join('/proc/sys', name), value)
  }
}

function readSetting(name: string): string | undefined {
  return attempt(() => readFileSync(join('/proc/sys', name), 'utf8'))
}
