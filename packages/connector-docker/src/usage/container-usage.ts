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

export interface DiskIo {
  /** `major:minor` */
  readonly device: string
  readonly bytesRead: number | undefined
  readonly bytesWritten: number | undefined
  readonly reads: number | undefined
  readonly writes: number | undefined
}

/** Resource usage of a running container. Unreadable values are `undefined`. Times in seconds, sizes in bytes. */
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
    /** The value that `docker stats` shows: without inactive files. */
    readonly usage: number | undefined
    readonly workingSet: number | undefined
    readonly rss: number | undefined
    /** Absent without a limit. */
    readonly limit: number | undefined
    /** Number of times that the limit was hit. */
    readonly fails: number | undefined
  }
  readonly pids: number | undefined
  /** Absent when the network is shared (see `sharesNetwork`). */
  readonly networks: readonly NetworkUsage[] | undefined
  readonly disks: readonly DiskIo[] | undefined
}

/** Returns whether a container uses the network of the host or of another container, whose counters are not its own. */
export function sharesNetwork(networkMode: string | undefined): boolean {
  return networkMode === 'host' || networkMode?.startsWith('container:') === true
}
