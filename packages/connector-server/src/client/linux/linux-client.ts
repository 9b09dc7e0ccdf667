import { readlinkSync } from 'node:fs'
import { statfs as systemStatfs } from 'node:fs/promises'
import { performance } from 'node:perf_hooks'
import type { NameFilter } from '@rca/core/connector'
import type { HardwareInformation } from '../client.ts'
import { readHostname, readMachineId, toMachine } from '../machine-identity.ts'
import { cacheFor, HOST_FACTS_CACHE_MS } from '../read-cache.ts'
import type { Boot, CpuReading, FailedUnit, ServerClient } from '../server-client.ts'
import { readClockOffset } from './clock-offset.ts'
import { createDiskReader } from './disks.ts'
import { findFileWriters } from './file-writers.ts'
import { createFilesystemUsageReader, type FilesystemStatistics, type StatFilesystem } from './filesystem-usage.ts'
import { createHiddenProcessCheck } from './hidden-processes.ts'
import { openKernelLog } from './kernel-log.ts'
import { numberAfter } from './kernel-number.ts'
import { readKernelResources } from './kernel-resources.ts'
import { type KernelUnits, readKernelUnits } from './kernel-units.ts'
import { readLinuxHostFacts } from './linux-host-facts.ts'
import { createPortReader } from './listening-ports.ts'
import { createMemoryReader, readPaging } from './memory.ts'
import { createMountReader, pathOf } from './mount-reader.ts'
import { parseNetworkDevices } from './net-dev.ts'
import { readNetworkLink } from './network-links.ts'
import { createPackageReader } from './packages.ts'
import { readPressure } from './pressure.ts'
import { parseProcStat } from './proc-stat.ts'
import { createProcessReader } from './processes.ts'
import { createRootReader, type RootReader } from './root-reader.ts'
import { readServiceCertificates } from './service-certificates.ts'
import { createServiceProcessReader } from './service-processes.ts'
import { createSharedFileReader } from './shared-files.ts'
import { findShares } from './shares.ts'
import { statInProgram } from './stat-program.ts'
import { LIST_FAILED_UNITS, parseUnits, type RunProgram, readRunLog, showUnits } from './systemd.ts'
import { followUnitRuns } from './unit-journal.ts'
import { createWatchedFiles, type WatchedFilesOptions } from './watched-files.ts'

/** Options of {@link openLinuxClient}. */
export interface LinuxClientOptions {
  /** Directory at which the host's root is mounted. */
  readonly root: string
  readonly topProcesses: number
  readonly crashLogLines: number
  readonly wantsInterface: NameFilter
  readonly wantsMount: NameFilter
  readonly loadLibrary: () => Promise<HardwareInformation>
  readonly runProgram: RunProgram
  /** Folders whose files are watched: absolute paths below the root. */
  readonly watchedFolders: readonly string[]
  readonly keyedHash: (text: string) => string
  /** TCP ports whose programs are asked for their certificates. */
  readonly certificatePorts: readonly number[]
  /** @default that of Node */
  readonly watchFolder?: WatchedFilesOptions['watchFolder']
  /** @default follows the journal with journalctl(1) */
  readonly followUnitRuns?: ServerClient['followUnitRuns']
  /** @default statfs(2) */
  readonly statfs?: StatFilesystem
}

/**
 * Opens a client that reads a Linux machine from `/proc` and `/sys` below `root`. It starts programs only for host
 * facts and systemd units.
 *
 * @throws Error when `root` has no `/proc`, or the machine has no stable identity.
 */
export function openLinuxClient(options: LinuxClientOptions): ServerClient {
  const reader = openRoot(options.root)
  // Below another root, `self` would be this process, which has its own namespaces.
  const self = options.root === '/' ? 'proc/self' : 'proc/1'
  const units = readKernelUnits()
  const { hostname } = readHostname(reader)
  const mounts = createMountReader(reader, {
    file: `${self}/mountinfo`,
    wantsMount: options.wantsMount,
    bootedAt: () => Date.now() / 1000 - readUptime(reader),
  })
  const statfs = options.statfs ?? ((path: string | Buffer) => systemStatfs(path))
  const filesystems = createFilesystemUsageReader({
    statfs,
    statfsOutside: options.statfs ?? statInProcess,
    resolve: (mount) => pathOf(reader, mount),
  })
  const shares = () => findShares(reader, `${self}/mountinfo`, options.watchedFolders)
  const ports = createPortReader(reader, `${self}/net`)
  const disks = createDiskReader(reader)
  const processes = createProcessReader(reader, units)
  const readServiceProcesses = createServiceProcessReader(reader, units)
  const kernelLog = openKernelLog(reader.resolve('dev/kmsg'))
  const findHidden = createHiddenProcessCheck(reader, `${self}/mountinfo`)
  const processors = createCpuReader(reader, units)
  const readMemory = createMemoryReader(reader, `${self}/mountinfo`)

  return {
    machine: toMachine(readMachineId(reader, hostname), hostname),
    platform: 'linux',
    topProcesses: options.topProcesses,
    crashLogLines: options.crashLogLines,
    firstCpuReading: processors.read(),
    uptimeResolution: 0.01,
    facts: cacheFor(HOST_FACTS_CACHE_MS, async () => readLinuxHostFacts(reader, await options.loadLibrary())),
    cpu: async () => processors.read(),
    loadAverage: async () => readLoadAverage(reader),
    memory: async () => readMemory(),
    paging: async () => readPaging(reader),
    pressure: async () => readPressure(reader),
    uptime: async () => readUptime(reader),
    clockOffset: (signal) => readClockOffset(reader, options.runProgram, signal),
    boot: async () => readBoot(reader),
    mounts: async () => mounts(),
    filesystems: (signal) => filesystems(mounts(), signal),
    fileWriters: (mountPoint, limit) => findFileWriters(reader, `${self}/mountinfo`, mountPoint, limit),
    disks: async () => disks(),
    networkInterfaces: async () => parseNetworkDevices(reader.filledText(`${self}/net/dev`), options.wantsInterface),
    networkLinks: async () =>
      parseNetworkDevices(reader.filledText(`${self}/net/dev`), options.wantsInterface).flatMap(
        ({ name }) => readNetworkLink(reader, name) ?? [],
      ),
    serviceProcesses: async () => readServiceProcesses(),
    processCrashes: async () => kernelLog.crashes(),
    listeningPorts: ports,
    serviceCertificates: async (signal) => {
      if (options.root !== '/' && reader.link('proc/1/ns/net') !== readlinkSync('/proc/self/ns/net')) return undefined
      const wanted = new Set(options.certificatePorts)
      if (wanted.size === 0) return undefined
      return readServiceCertificates(
        (await ports()).filter(({ port }) => wanted.has(port)),
        signal,
      )
    },
    packages: createPackageReader(reader, options.runProgram),
    watchFiles: () =>
      createWatchedFiles({
        root: options.root,
        folders: options.watchedFolders,
        keyedHash: options.keyedHash,
        findShares: shares,
        ...(options.watchFolder === undefined ? {} : { watchFolder: options.watchFolder }),
      }),
    sharedFiles: createSharedFileReader({ resolve: reader.resolve, findShares: shares }),
    kernelResources: async () => readKernelResources(reader, `${self}/net`),
    processes: async () => {
      const { processes: list, denied } = processes.read()
      const problem = findHidden(denied)
      const reading = { processes: list, takenAt: performance.now(), logicalCpus: processors.count() }
      return problem === undefined ? reading : { ...reading, problem }
    },
    failedUnits: (signal) => readFailedUnits(reader, options.runProgram, signal),
    unitStates: async (names, signal) =>
      parseUnits(await options.runProgram('systemctl', showUnits(names), signal), readTime(reader)),
    followUnitRuns: options.followUnitRuns ?? ((listener, signal) => followUnitRuns(listener, signal)),
    runLog: (unit, id, lines, signal) => readRunLog(options.runProgram, unit, id, lines, signal),
    outOfMemoryKills: async () => numberAfter(`\n${reader.optionalText('proc/vmstat') ?? ''}`, '\noom_kill '),
    outOfMemoryVictims: async () => kernelLog.outOfMemoryVictims(),
    close: () => {
      processes.close()
      kernelLog.close()
    },
  }
}

function openRoot(root: string): RootReader {
  const reader = createRootReader(root)
  if (reader.exists('proc/stat')) return reader
  throw new Error(
    `\`root_path\`: ${reader.resolve('proc/stat')} does not exist. Mount the host's root directory there, with /proc, or remove the option`,
  )
}

/** Maximum age of a reading from which processors are counted: that of the same collection cycle. */
const MAX_CPU_COUNT_AGE_MS = 100

/** Creates a reader of the processors. They may come and go while the agent runs. */
function createCpuReader(reader: RootReader, { ticksPerSecond }: KernelUnits) {
  let last: CpuReading | undefined
  const read = (): CpuReading => {
    last = { takenAt: performance.now(), ...parseProcStat(reader.filledText('proc/stat'), ticksPerSecond) }
    return last
  }
  return {
    read,
    /** Returns the number of processors that are online. Uses the last reading, once, if it is recent. */
    count: (): number => {
      const isRecent = last !== undefined && performance.now() - last.takenAt < MAX_CPU_COUNT_AGE_MS
      const { cores } = isRecent && last !== undefined ? last : read()
      last = undefined
      return Math.max(1, cores.size)
    },
  }
}

/** Calls statfs(2) in another process. The name of a mount point that is not UTF-8 cannot be passed to it. */
async function statInProcess(path: string | Buffer, signal: AbortSignal): Promise<FilesystemStatistics> {
  if (typeof path === 'string') return statInProgram(path, signal)
  throw new Error('the name of the mount point is not UTF-8, and its filesystem may hang: it is not measured')
}

function readLoadAverage(reader: RootReader): readonly [number, number, number] {
  const [one = Number.NaN, five = Number.NaN, fifteen = Number.NaN] = reader
    .filledText('proc/loadavg')
    .split(' ')
    .map(Number)
  return [one, five, fifteen]
}

function readBoot(reader: RootReader): Boot {
  return {
    id: reader.optionalText('proc/sys/kernel/random/boot_id')?.trim(),
    startedAt: new Date(Date.now() - readUptime(reader) * 1000),
  }
}

function readUptime(reader: RootReader): number {
  const uptime = Number.parseFloat(reader.text('proc/uptime'))
  if (!(uptime >= 0)) throw new Error('`proc/uptime` does not start with a possible number')
  return uptime
}

async function readFailedUnits(
  reader: RootReader,
  runProgram: RunProgram,
  signal: AbortSignal,
): Promise<readonly FailedUnit[] | undefined> {
  if (!reader.exists('run/systemd/system')) return undefined
  if (reader.root !== '/') {
    throw new Error(
      'cannot read systemd units of the host below `root_path`: systemctl would ask this container. Install the agent on the host itself to collect its units',
    )
  }
  const text = await runProgram('systemctl', LIST_FAILED_UNITS, signal)
  return parseUnits(text, readTime(reader)).filter(({ activeState }) => activeState === 'failed')
}

/** Returns the time, and the uptime in seconds, of this moment. */
function readTime(reader: RootReader): { readonly date: Date; readonly uptime: number } {
  return { date: new Date(), uptime: readUptime(reader) }
}
