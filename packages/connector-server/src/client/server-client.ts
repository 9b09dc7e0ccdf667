import type { EntityReference } from '@rca/core/connector'

/**
 * What the collectors and watchers ask of a machine, alike on Linux, macOS and Windows.
 *
 * A value that a system does not have is `undefined` (an empty list where there are none); one that it should have and
 * that cannot be read is an error. Nothing is ever reported as 0 because it could not be read.
 */
export interface ServerClient {
  /** Who is watched. */
  readonly machine: Machine
  readonly platform: NodeJS.Platform
  /** Most processes named for CPU, and as many for memory. */
  readonly topProcesses: number
  /** Taken when the client was opened, so that the first collection can already say how busy the processors are. */
  readonly firstCpuReading: CpuReading
  /** How exactly `uptime` is known, in seconds. */
  readonly uptimeResolution: number

  /** Facts that change with a reboot, an upgrade or a resized machine. Slow when they are not fresh: it may start programs. */
  facts(): Promise<HostFacts>
  cpu(): Promise<CpuReading>
  /** Threads that run or wait for a processor or disk, averaged over 1, 5 and 15 minutes. */
  loadAverage(): Promise<readonly [number, number, number] | undefined>
  memory(): Promise<MemoryReading>
  paging(): Promise<PagingReading>
  /** Pressure stall information, where the kernel has it. */
  pressure(): Promise<readonly PressureReading[]>
  /** Seconds since the machine was started, time asleep included. */
  uptime(): Promise<number>
  boot(): Promise<Boot>
  mounts(): Promise<readonly Mount[]>
  /** How full every filesystem is. One that does not answer says so and does not delay the others. */
  filesystems(signal: AbortSignal): Promise<readonly FilesystemReading[]>
  disks(): Promise<readonly DiskReading[]>
  networkInterfaces(): Promise<readonly NetworkInterfaceReading[]>
  processes(): Promise<ProcessesReading>
  /** `undefined` where no systemd runs. Starts a program. */
  failedUnits(signal: AbortSignal): Promise<readonly FailedUnit[] | undefined>
  /** Processes that the kernel killed for want of memory since the machine was started. */
  outOfMemoryKills(): Promise<number | undefined>
  /** What the kernel's log still knows of such kills, oldest first. Empty where the log may not be read. */
  outOfMemoryVictims(): Promise<readonly OutOfMemoryVictim[]>
  /** Idempotent. */
  close(): void
}

/** Who a machine is. */
export interface Machine {
  /** The system's own id of this installation. Never leaves the process. */
  readonly id: string
  /** What stands for `id` outside. */
  readonly hashedId: string
  readonly hostname: string
  readonly entity: EntityReference
}

export interface HostFacts {
  readonly hostname: string
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

/** How processors spend their time, as in OpenTelemetry. `interrupt` holds hard and soft interrupts. */
export const CPU_MODES = ['user', 'nice', 'system', 'idle', 'iowait', 'interrupt', 'steal'] as const
export type CpuMode = (typeof CPU_MODES)[number]

/** Seconds since the start of the machine, by mode. A mode that the system does not count is absent. */
export type CpuTimes = Readonly<Partial<Record<CpuMode, number>>>

export interface CpuReading {
  /** Milliseconds on a clock that is never set. */
  readonly takenAt: number
  /** Sums over all logical processors. */
  readonly total: CpuTimes
  /** By the number of the logical processor. */
  readonly cores: ReadonlyMap<number, CpuTimes>
  readonly processesCreated: number | undefined
}

/** Bytes. */
export interface MemoryReading {
  readonly total: number
  readonly free: number
  /** What applications could still get without swapping. */
  readonly available: number
  readonly buffers: number | undefined
  /** Page cache, and kernel memory that can be given back. */
  readonly cached: number | undefined
}

export interface PagingReading {
  /** Bytes of swap or page file. */
  readonly total: number | undefined
  readonly free: number | undefined
  /** Pages since the start of the machine. */
  readonly pagedIn: number | undefined
  readonly pagedOut: number | undefined
  /** Faults since the start of the machine. */
  readonly majorFaults: number | undefined
  readonly minorFaults: number | undefined
}

/** One line of `/proc/pressure/*`. Documentation/accounting/psi.rst */
export interface PressureReading {
  readonly resource: string
  /** `some`: at least one task waited; `full`: all of them did. */
  readonly kind: 'some' | 'full'
  /** Share of the last ten seconds, 0 to 1. */
  readonly share: number
  /** Seconds since the start of the machine. */
  readonly total: number
}

export interface Boot {
  /** Differs after every start of the machine. `undefined` where the system has no such id. */
  readonly id: string | undefined
  readonly startedAt: Date
}

export interface Mount {
  readonly mountPoint: string
  readonly device: string
  readonly type: string
  readonly readOnly: boolean
  /** The block device below, as the disks name it, where it is one. */
  readonly disk: string | undefined
}

export interface FilesystemReading {
  readonly mount: Mount
  readonly usage?: FilesystemUsage
  /** Why there is no `usage`. */
  readonly problem?: string
}

/** Bytes and inodes. */
export interface FilesystemUsage {
  readonly total: number
  readonly used: number
  /** For everyone, without what is reserved for root. */
  readonly available: number
  readonly inodes: number | undefined
  readonly freeInodes: number | undefined
}

/** Counters since the start of the machine. */
export interface DiskReading {
  readonly name: string
  readonly bytes: number | undefined
  readonly bytesRead: number | undefined
  readonly bytesWritten: number | undefined
  readonly reads: number | undefined
  readonly writes: number | undefined
  /** Seconds that all reads, and all writes, took together. */
  readonly readTime: number | undefined
  readonly writeTime: number | undefined
  /** Seconds in which at least one operation was under way. */
  readonly busyTime: number | undefined
}

/** Counters since the interface exists. */
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

/** `blocked` waits for a disk or another device and cannot be interrupted. */
export const PROCESS_STATES = ['running', 'sleeping', 'blocked', 'stopped', 'defunct'] as const
export type ProcessState = (typeof PROCESS_STATES)[number]

export interface ProcessesReading {
  /** Milliseconds on a clock that is never set. */
  readonly takenAt: number
  readonly logicalCpus: number
  readonly processes: readonly ProcessReading[]
}

export interface ProcessReading {
  readonly pid: number
  /** Tells two processes with the same pid apart. */
  readonly startedAt: number | string
  /** The program's name, without its arguments. */
  readonly name: string
  readonly state: ProcessState | undefined
  /** Seconds of processor time used so far. */
  readonly cpuTime?: number
  /** Share of the whole machine lately, 0 to 1, where the system computes it. */
  readonly cpuShare?: number
  readonly residentBytes: number
}

/** A systemd unit in the state `failed`. systemctl(1) */
export interface FailedUnit {
  readonly name: string
  readonly description: string | undefined
  /** `exit-code`, `signal`, `timeout`, `oom-kill`, … */
  readonly result: string | undefined
  readonly exitCode: number | undefined
  readonly killedBy: number | undefined
  readonly failedAt: Date | undefined
  /** Differs for every start of the unit. */
  readonly invocationId: string | undefined
}

export interface OutOfMemoryVictim {
  readonly pid: number
  readonly name: string
  /** Whether a cgroup's limit was hit, and not the machine's. */
  readonly inControlGroup: boolean
  readonly residentBytes: number | undefined
  /** Seconds since the start of the machine. */
  readonly uptime: number
}
