import type { EntityReference } from '@rca/core/connector'

/**
 * The readings of a machine that collectors and watchers use, the same on Linux, macOS and Windows.
 *
 * A value that a system does not have is `undefined`, or an empty list. A value that a system has and that cannot
 * be read is an error. An unreadable value is never 0.
 */
export interface ServerClient {
  readonly machine: Machine
  readonly platform: NodeJS.Platform
  /** How many processes are reported by CPU, and how many by memory. */
  readonly topProcesses: number
  /** Maximum number of lines of the journal that are reported with a failed unit. */
  readonly crashLogLines: number
  /** Taken when the client was opened, so that the first collection has a utilization. */
  readonly firstCpuReading: CpuReading
  /** Resolution of `uptime`, in seconds. */
  readonly uptimeResolution: number

  /** Facts that change with a reboot, an upgrade or a resize. Cached; a read may start programs. */
  facts(): Promise<HostFacts>
  cpu(): Promise<CpuReading>
  /** Threads that run or wait for a processor or disk, averaged over 1, 5 and 15 minutes. */
  loadAverage(): Promise<readonly [number, number, number] | undefined>
  memory(): Promise<MemoryReading>
  paging(): Promise<PagingReading>
  /** Pressure stall information. Empty where the kernel has none. */
  pressure(): Promise<readonly PressureReading[]>
  /** Seconds since boot, including time asleep. */
  uptime(): Promise<number>
  /** `undefined` where no known daemon of NTP runs. Starts a program. */
  clockOffset(signal: AbortSignal): Promise<ClockOffset | undefined>
  boot(): Promise<Boot>
  mounts(): Promise<readonly Mount[]>
  /** Usage of every filesystem. A filesystem that does not answer has a `problem` and does not delay the others. */
  filesystems(signal: AbortSignal): Promise<readonly FilesystemReading[]>
  /** Largest files of a filesystem that processes have open for writing. Empty on other systems than Linux. */
  fileWriters(mountPoint: string, limit: number): Promise<readonly FileWriter[]>
  disks(): Promise<readonly DiskReading[]>
  networkInterfaces(): Promise<readonly NetworkInterfaceReading[]>
  /** States of the network interfaces. Empty on other systems than Linux. */
  networkLinks(): Promise<readonly NetworkLink[]>
  /** `undefined` on other systems than Linux. */
  kernelResources(): Promise<KernelResources | undefined>
  /**
   * TCP ports on which programs listen. `undefined` on other systems than Linux.
   *
   * @param needsProcess for which ports the process is looked for, which costs much where many files are open. Default:
   *   all. A process that was found once stays known.
   */
  listeningPorts(needsProcess?: (port: number) => boolean): Promise<readonly ListeningPort[] | undefined>
  /**
   * Certificates of programs that listen on `certificate_ports` and speak TLS. `undefined` where this process does not
   * share the host's network, and on other systems than Linux. Connects to each port.
   */
  serviceCertificates(signal: AbortSignal): Promise<readonly ServiceCertificate[] | undefined>
  processes(): Promise<ProcessesReading>
  /**
   * Processes that may be services: the same list while no process comes or ends. `undefined` on other systems than
   * Linux.
   */
  serviceProcesses(): Promise<readonly ServiceProcess[] | undefined>
  /** Processes that a fault ended, in the kernel's log, oldest first. Empty where the log may not be read. */
  processCrashes(): Promise<readonly ProcessCrash[]>
  /**
   * Installed packages: the same object until they change. `undefined` without a known package manager. Starts a
   * program where packages are those of rpm.
   */
  packages(signal: AbortSignal): Promise<PackageVersions | undefined>
  /** Starts to watch the files of `watched_folders`, without those on shares. */
  watchFiles(): WatchedFiles
  /** Reads the states of files in `watched_folders` on shares. Starts a program for each share. */
  sharedFiles(signal: AbortSignal): Promise<SharedFiles>
  /** systemd units in the state `failed`, `undefined` where systemd does not run. Starts a program. */
  failedUnits(signal: AbortSignal): Promise<readonly FailedUnit[] | undefined>
  /** Current states of units by name, in any order. Starts a program. */
  unitStates(names: readonly string[], signal: AbortSignal): Promise<readonly UnitState[]>
  /**
   * Follows what systemd writes to the journal about ended and started runs of units. Starts a program. Resolves when
   * the signal aborts, or when the journal cannot be followed, such as without the permission to read it.
   */
  followUnitRuns(listener: (run: UnitRun) => void, signal: AbortSignal): Promise<void>
  /** Last lines of a run of a unit in the journal, empty where it may not be read. Starts a program. */
  runLog(unit: string, invocationId: string, lines: number, signal: AbortSignal): Promise<string>
  /** Processes that the OOM killer killed since boot. */
  outOfMemoryKills(): Promise<number | undefined>
  /** OOM kills in the kernel's log, oldest first. Empty where the log may not be read. */
  outOfMemoryVictims(): Promise<readonly OutOfMemoryVictim[]>
  /** Idempotent. */
  close(): void
}

export interface Machine {
  /** Id that the operating system gives this installation. Never leaves the process. */
  readonly id: string
  /** Hash of `id`, reported in its place. */
  readonly hashedId: string
  readonly hostname: string
  readonly entity: EntityReference
}

export interface HostFacts {
  readonly hostname: string
  /** Why `hostname` is not the name of the host. */
  readonly hostnameProblem: string | undefined
  /** As in OpenTelemetry: `amd64`, `arm64`. */
  readonly architecture: string
  /** As in OpenTelemetry: `linux`, `darwin`, `windows`. */
  readonly systemType: string
  readonly systemName: string | undefined
  readonly systemVersion: string | undefined
  readonly systemDescription: string | undefined
  readonly kernelRelease: string | undefined
  readonly cpuModel: string | undefined
  readonly cpuVendor: string | undefined
  readonly physicalCores: number | undefined
  readonly manufacturer: string | undefined
  readonly model: string | undefined
  /** The hypervisor, on a virtual machine. */
  readonly hypervisor: string | undefined
  readonly bootId: string | undefined
  readonly addresses: readonly string[] | undefined
  readonly hardwareAddresses: readonly string[] | undefined
}

/** CPU modes of OpenTelemetry. `interrupt` includes hard and soft interrupts. */
export const CPU_MODES = ['user', 'nice', 'system', 'idle', 'iowait', 'interrupt', 'steal'] as const

/** Seconds since boot, by mode. A mode that the system does not count, or counts wrongly, is absent. */
export type CpuTimes = Readonly<Partial<Record<(typeof CPU_MODES)[number], number | undefined>>>

export interface CpuReading {
  /** Milliseconds on a monotonic clock. */
  readonly takenAt: number
  /** Sums over all logical processors. */
  readonly total: CpuTimes
  /** By the number of the logical processor. */
  readonly cores: ReadonlyMap<number, CpuTimes>
  readonly processesCreated: number | undefined
  readonly contextSwitches: number | undefined
}

/** Bytes as the system counts them: parts may exceed the total. */
export interface MemoryReading {
  readonly total: number
  readonly free: number
  /** Memory that applications can get without swapping, with the cache of ZFS. */
  readonly available: number
  readonly buffers: number | undefined
  /** Page cache, reclaimable kernel memory, and cache of ZFS above its minimum. */
  readonly cached: number | undefined
  /** Limit and usage of the container in which the agent runs without the host's root. */
  readonly container?: { readonly limit: number; readonly usage: number | undefined } | undefined
}

export interface PagingReading {
  /** Bytes of swap or page file. `undefined` where the system states an impossible number. */
  readonly total: number | undefined
  readonly free: number | undefined
  /** Pages since boot. */
  readonly pagedIn: number | undefined
  readonly pagedOut: number | undefined
  /** Page faults since boot. */
  readonly majorFaults: number | undefined
  readonly minorFaults: number | undefined
}

/** One line of `/proc/pressure/*`. Documentation/accounting/psi.rst */
export interface PressureReading {
  readonly resource: string
  /** `some`: at least one task waited; `full`: all of them did. */
  readonly kind: 'some' | 'full'
  /** Share of the last ten seconds, 0 to 1. */
  readonly share: number | undefined
  /** Seconds since boot. */
  readonly total: number | undefined
}

/** Offset of the clock from NTP servers. */
export interface ClockOffset {
  readonly source: 'chrony' | 'systemd-timesyncd'
  readonly isSynchronized: boolean
  /** Negative if the clock is behind. `undefined` if it is not synchronized. */
  readonly secondsAhead: number | undefined
}

export interface Boot {
  /** Id that changes with every boot. `undefined` where the system has none. */
  readonly id: string | undefined
  readonly startedAt: Date
}

export interface Mount {
  /** Path, in which `\xff` stands for a byte of a name that is not UTF-8. */
  readonly mountPoint: string
  /** Path as the system has it, if its name is not UTF-8. */
  readonly mountPointBytes?: Buffer
  readonly device: string
  readonly type: string
  /** Files cannot be written through this mount. */
  readonly readOnly: boolean
  /** The filesystem is read-only, and not only this mount of it. */
  readonly filesystemReadOnly: boolean
  /** Name of the disk that holds the filesystem, if a disk does. */
  readonly disk: string | undefined
}

export interface FilesystemReading {
  readonly mount: Mount
  readonly usage?: FilesystemUsage
  /** Why `usage` is missing. */
  readonly problem?: string
}

/** Bytes and inodes. */
export interface FilesystemUsage {
  readonly total: number
  readonly used: number
  /** Free space without the part reserved for root. */
  readonly available: number
  readonly inodes: number | undefined
  readonly freeInodes: number | undefined
}

/** Counters since boot. */
export interface DiskReading {
  readonly name: string
  readonly bytes: number | undefined
  readonly bytesRead: number | undefined
  readonly bytesWritten: number | undefined
  readonly reads: number | undefined
  readonly writes: number | undefined
  /** Total seconds of all reads, and of all writes. */
  readonly readTime: number | undefined
  readonly writeTime: number | undefined
  /** Seconds with at least one operation in progress. */
  readonly busyTime: number | undefined
}

/** Counters since the interface was created. */
export interface NetworkInterfaceReading {
  readonly name: string
  readonly bytesReceived: number | undefined
  readonly bytesSent: number | undefined
  readonly packetsReceived: number | undefined
  readonly packetsSent: number | undefined
  readonly receiveErrors: number | undefined
  readonly sendErrors: number | undefined
  readonly receiveDrops: number | undefined
  readonly sendDrops: number | undefined
}

/** State of a network interface. Documentation/ABI/testing/sysfs-class-net */
export interface NetworkLink {
  readonly name: string
  /** `up`, `down`, `unknown`, `lowerlayerdown`, `dormant`, … */
  readonly state: string
  /** The operator wants it up, whether or not it has a carrier. */
  readonly isSetUp: boolean
  /** How often the carrier came or went. */
  readonly carrierChanges: number | undefined
  readonly bitsPerSecond: number | undefined
  readonly isBridge: boolean
}

/** Entries of a table of the kernel in use, and those that it can hold. */
export interface ResourceUsage {
  readonly used: number | undefined
  readonly limit: number | undefined
}

export interface KernelResources {
  readonly tcp: {
    readonly established: number | undefined
    /** Counters since boot. */
    readonly segmentsSent: number | undefined
    readonly segmentsRetransmitted: number | undefined
    readonly listenOverflows: number | undefined
    readonly listenDrops: number | undefined
  }
  readonly trackedConnections: ResourceUsage
  readonly fileHandles: ResourceUsage
  readonly threads: ResourceUsage
}

export interface ProcessName {
  readonly pid: number
  /** Name of the program, without its arguments. */
  readonly name: string
}

export interface ServiceProcess extends ProcessName {
  /** Seconds from the boot to its start. */
  readonly startedAt: number
  /** Its parent is the first process. */
  readonly isDaemon: boolean
  /** It belongs to a service of systemd. */
  readonly isOfUnit: boolean
  /** It was seen three times. */
  readonly isSettled: boolean
}

/** A process that has a file open for writing. */
export interface FileWriter extends ProcessName {
  /** Path as the process has it, with ` (deleted)` at its end for a deleted file. */
  readonly path: string
  /** Bytes on the disk. */
  readonly size: number
}

/** A process that the kernel ended by a signal for a fault. */
export interface ProcessCrash extends ProcessName {
  readonly signal: number
}

/** A TCP port on which a program listens. */
export interface ListeningPort {
  readonly port: number
  readonly addresses: readonly string[]
  readonly userId: number
  /** Absent where this user may not see the files of the process. */
  readonly process: ProcessName | undefined
}

/** Certificate that a listening program shows to a client that names no server. */
export interface ServiceCertificate {
  readonly port: ListeningPort
  /** SHA-256 in hexadecimal digits. */
  readonly hash: string
  readonly subject: string
  readonly issuer: string
  /** Names for which it is valid, such as `DNS:shop.example.com`. */
  readonly names: readonly string[]
  readonly notBefore: Date
  readonly notAfter: Date
}

/** Names of packages → versions, separated by commas if there are several. */
export type PackageVersions = Readonly<Record<string, string>>

/** State of a file or a symbolic link. */
export interface FileState {
  readonly size: number
  /** Permissions, with the bits for set-user-ID, set-group-ID and sticky. */
  readonly mode: number
  readonly owner: number
  /** Keyed hash of the content, or of the target of a link. Absent if it cannot be read or is large. */
  readonly hash?: string | undefined
  /** Time of the last change, if there is no hash. */
  readonly modifiedAt?: string | undefined
}

/** Files below some folders. */
export interface WatchedFiles {
  /** Returns the states of all files by path: the same object until one changes. */
  read(now: Date): Promise<Readonly<Record<string, FileState>>>
  /** Returns whether a path is left out, since it was on a share at the last reading. */
  isOnShare(path: string): boolean
  close(): void
}

/** Files on filesystems that ask a server or a process. */
export interface SharedFiles {
  /** Mount points of the shares that have answered → paths of files → states. */
  readonly folders: Readonly<Record<string, Readonly<Record<string, FileState>>>>
  /** Why shares are missing. */
  readonly problem?: string
}

/** `blocked` processes wait for a device and cannot be interrupted. */
export const PROCESS_STATES = ['running', 'sleeping', 'blocked', 'stopped', 'defunct', 'unknown'] as const
export type ProcessState = (typeof PROCESS_STATES)[number]

export interface ProcessesReading {
  /** Milliseconds on a monotonic clock. */
  readonly takenAt: number
  readonly logicalCpus: number
  readonly processes: readonly ProcessReading[]
  /** Why `processes` does not have all processes. */
  readonly problem?: string
}

export interface ProcessReading {
  readonly pid: number
  /** Distinguishes two processes with the same pid. */
  readonly startedAt: number | string
  /** Name of the program, without its arguments. */
  readonly name: string
  readonly state: ProcessState
  /** CPU seconds since the process started. */
  readonly cpuTime?: number | undefined
  /** Recent share of all processors, 0 to 1, where the system computes it. */
  readonly cpuShare?: number
  readonly residentBytes: number
}

/** How a run of a systemd unit ended. */
export interface RunEnd {
  /** `exit-code`, `signal`, `timeout`, `oom-kill`, … */
  readonly result: string | undefined
  readonly exitCode: number | undefined
  readonly killedBy: number | undefined
  /** Id that changes with every start of the unit. */
  readonly invocationId: string | undefined
}

/** A systemd unit in the state `failed`. systemctl(1) */
export interface FailedUnit extends RunEnd {
  readonly name: string
  readonly description: string | undefined
  /** Time of the last change of its state. */
  readonly changedAt: Date | undefined
}

/** A systemd unit in any state. The end of its last run is valid in the state `failed` only. */
export interface UnitState extends FailedUnit {
  /** `active`, `inactive`, `failed`, `activating`, … */
  readonly activeState: string
  /** systemd is about to start the unit again. */
  readonly isRestarting: boolean
  /** Automatic restarts since the unit was started by request. */
  readonly restarts: number | undefined
}

/** A run of a systemd unit that started, failed, or ended and is restarted automatically. */
export interface UnitRun extends RunEnd {
  readonly kind: 'started' | 'failed' | 'restarted'
  readonly unit: string
  readonly at: Date
}

/** A process that the OOM killer killed. */
export interface OutOfMemoryVictim {
  readonly pid: number
  readonly name: string
  /** The limit of its control group was reached, not the memory of the machine. */
  readonly inControlGroup: boolean
  readonly residentBytes: number | undefined
  /** Uptime of the machine at the kill, in seconds. */
  readonly uptime: number
}
