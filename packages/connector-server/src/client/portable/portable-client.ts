import * as os from 'node:os'
import { performance } from 'node:perf_hooks'
import type { NameFilter } from '@rca/core/connector'
import type { SystemInformation } from '../client.ts'
import { readHostFacts } from '../host-facts.ts'
import { firstHardwareAddress, toMachine } from '../machine-identity.ts'
import { cacheFor, HOST_FACTS_CACHE_MS } from '../read-cache.ts'
import type { CpuReading, CpuTimes, Machine, ProcessesReading, ServerClient } from '../server-client.ts'
import {
  toDiskReadings,
  toFilesystemReading,
  toMemoryReading,
  toMount,
  toNetworkInterfaceReading,
  toPagingReading,
  toProcessReading,
} from './translate.ts'

interface PortableClientOptions {
  readonly topProcesses: number
  readonly wantsInterface: NameFilter
  readonly wantsMount: NameFilter
  readonly library: SystemInformation
  /** @default process.platform */
  readonly platform?: NodeJS.Platform
}

/**
 * Opens a client that reads a machine through `node:os` and systeminformation, which starts programs of the system for
 * most answers. Used on macOS and Windows; works on every system that the library supports.
 *
 * @throws Error when the machine has no stable identity.
 */
export async function openPortableClient(options: PortableClientOptions): Promise<ServerClient> {
  const { library, wantsInterface, wantsMount, platform = process.platform } = options
  const firstCpuReading = readCpu()
  const filesystems = async () => (await library.fsSize()).filter(({ mount }) => wantsMount(mount))

  return {
    machine: await readMachine(library),
    platform,
    topProcesses: options.topProcesses,
    crashLogLines: 0,
    firstCpuReading,
    // macOS records its boot time in whole seconds.
    uptimeResolution: 1,
    facts: cacheFor(HOST_FACTS_CACHE_MS, () => readHostFacts(library)),
    cpu: async () => readCpu(),
    loadAverage: async () => (platform === 'win32' ? undefined : (os.loadavg() as [number, number, number])),
    memory: async () => toMemoryReading(await library.mem()),
    paging: async () => toPagingReading(await library.mem()),
    pressure: async () => [],
    uptime: async () => os.uptime(),
    clockOffset: async () => undefined,
    boot: async () => ({ id: undefined, startedAt: new Date(Date.now() - os.uptime() * 1000) }),
    mounts: async () => (await filesystems()).map(toMount),
    filesystems: async () => (await filesystems()).map(toFilesystemReading),
    disks: async () => toDiskReadings(...(await Promise.all([library.fsStats(), library.disksIO()]))),
    networkInterfaces: async () =>
      (await library.networkStats('*')).filter(({ iface }) => wantsInterface(iface)).map(toNetworkInterfaceReading),
    fileWriters: async () => [],
    networkLinks: async () => [],
    serviceProcesses: async () => undefined,
    processCrashes: async () => [],
    listeningPorts: async () => undefined,
    serviceCertificates: async () => undefined,
    packages: async () => undefined,
    sharedFiles: async () => ({ folders: {} }),
    watchFiles: () => ({ read: async () => ({}), isOnShare: () => false, close: () => undefined }),
    kernelResources: async () => undefined,
    processes: () => readProcesses(library, platform),
    failedUnits: async () => undefined,
    unitStates: async () => [],
    followUnitRuns: async () => undefined,
    runLog: async () => '',
    outOfMemoryKills: async () => undefined,
    outOfMemoryVictims: async () => [],
    close: () => undefined,
  }
}

async function readMachine(library: SystemInformation): Promise<Machine> {
  const hostname = os.hostname()
  const { os: installation, hardware } = await library.uuid()
  const address = firstHardwareAddress()
  const id = installation || hardware || (address === undefined ? undefined : `${hostname}/${address}`)
  if (id === undefined)
    throw new Error('No stable machine id from the operating system, the hardware or a network interface')
  return toMachine(id, hostname)
}

function readCpu(): CpuReading {
  const cores = new Map(os.cpus().map(({ times }, number): [number, CpuTimes] => [number, toCpuTimes(times)]))
  const total: Record<string, number> = {}
  for (const times of cores.values())
    for (const [mode, seconds] of Object.entries(times)) total[mode] = (total[mode] ?? 0) + (seconds ?? 0)
  return { takenAt: performance.now(), total, cores, processesCreated: undefined, contextSwitches: undefined }
}

async function readProcesses(library: SystemInformation, platform: NodeJS.Platform): Promise<ProcessesReading> {
  const { list } = await library.processes()
  const logicalCpus = Math.max(1, os.cpus().length)
  return {
    takenAt: performance.now(),
    logicalCpus,
    processes: list.map((process) => toProcessReading(process, platform, logicalCpus)),
  }
}

/** Leaves out modes that a system reports as 0 without counting them: `nice` on Windows, interrupts on macOS. */
function toCpuTimes({ user, nice, sys, idle, irq }: os.CpuInfo['times']): CpuTimes {
  return {
    user: user / 1000,
    system: sys / 1000,
    idle: idle / 1000,
    ...(process.platform === 'win32' ? {} : { nice: nice / 1000 }),
    ...(process.platform === 'darwin' ? {} : { interrupt: irq / 1000 }),
  }
}
