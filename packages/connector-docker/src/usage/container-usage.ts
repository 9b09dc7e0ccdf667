import type { ContainerDetails } from '../engine/engine-api.ts'

/** Counters of one network interface of a container. */
export interface NetworkUsage {
  readonly name: string
  readonly bytesReceived: number | undefined
  readonly bytesTransmitted: number | undefined
  readonly packetsReceived: number | undefined
  readonly packetsTransmitted: number | undefined
  readonly errorsReceived: number | undefined
  readonly errorsTransmitted: number | undefined
  readonly droppedReceived: number | undefined
  readonly droppedTransmitted: number | undefined
}

/** Counters of one disk. */
export interface DiskIo {
  /** `major:minor` */
  readonly device: string
  readonly bytesRead: number | undefined
  readonly bytesWritten: number | undefined
  readonly reads: number | undefined
  readonly writes: number | undefined
}

/** What a running container uses. What cannot be read is absent. Times in seconds, sizes in bytes. */
export interface ContainerUsage {
  readonly cpu: {
    readonly total: number | undefined
    readonly user: number | undefined
    readonly system: number | undefined
    readonly periods: number | undefined
    readonly throttledPeriods: number | undefined
    readonly throttledTime: number | undefined
  }
  readonly memory: {
    /** As `docker stats` shows it: without inactive files. */
    readonly usage: number | undefined
    readonly workingSet: number | undefined
    readonly rss: number | undefined
    /** Absent without one. */
    readonly limit: number | undefined
    /** How often the limit was hit. */
    readonly fails: number | undefined
  }
  readonly pids: number | undefined
  /** Absent where the container shares the host's network, whose numbers are not its own. */
  readonly networks: readonly NetworkUsage[] | undefined
  readonly disks: readonly DiskIo[] | undefined
}

/** Reads what containers use. */
export interface UsageReader {
  /** How it reads: `cgroup v1`, `cgroup v2` or `engine`. */
  readonly source: 'cgroup v1' | 'cgroup v2' | 'engine'
  /** Of these running containers, by id. One that has ended meanwhile is absent. Rejects when none can be read. */
  read(containers: readonly ContainerDetails[], signal: AbortSignal): Promise<ReadonlyMap<string, ContainerUsage>>
  /** The last memory usage that was read of a container and when, for the evidence of a crash. */
  lastMemory(id: string): { readonly usage: number; readonly at: Date } | undefined
}
