import type { toDiskUsage, toImage, toInfo, toNetwork, toSummary, toVolume } from './translate.ts'

export type EngineInfo = Readonly<ReturnType<typeof toInfo>>
export type ContainerSummary = Readonly<ReturnType<typeof toSummary>>
export type ImageDetails = Readonly<ReturnType<typeof toImage>>
export type NetworkDetails = Readonly<ReturnType<typeof toNetwork>>
export type VolumeDetails = Readonly<ReturnType<typeof toVolume>>
export type DiskUsage = Readonly<ReturnType<typeof toDiskUsage>>

export interface ContainerHealth {
  readonly status: string
  readonly failingStreak: number | undefined
  /** Output of the last failed check. Unredacted. */
  readonly lastOutput: string | undefined
}

export interface ContainerMount {
  /** `bind`, `volume`, `tmpfs`, … */
  readonly type: string
  /** Name of the volume; `undefined` for other types. */
  readonly name: string | undefined
  readonly source: string | undefined
  readonly destination: string
  readonly writable: boolean
}

export interface ContainerPort {
  /** `80/tcp` */
  readonly container: string
  /** `0.0.0.0:8080`; `undefined` for an unpublished port. */
  readonly host: string | undefined
}

/** Inspection of a container. The values of environment variables and the command line must never be sent. */
export interface ContainerDetails {
  readonly id: string
  readonly name: string
  readonly created: string
  /** Image reference from which it was created: `nginx:1.27`. */
  readonly image: string
  /** `sha256:…` of the image's configuration. */
  readonly imageId: string
  readonly labels: Readonly<Record<string, string>>
  readonly command: readonly string[]
  /** `NAME=value`. Must never be sent. */
  readonly environment: readonly string[]
  readonly state: {
    readonly status: string
    readonly pid: number | undefined
    readonly exitCode: number | undefined
    readonly outOfMemory: boolean
    readonly error: string | undefined
    /** ISO 8601; `undefined` before the first start, or end. */
    readonly startedAt: string | undefined
    readonly finishedAt: string | undefined
    readonly health: ContainerHealth | undefined
  }
  readonly restartCount: number | undefined
  readonly restartPolicy: string | undefined
  /** Signal that stops it: `SIGQUIT`, `QUIT` or `3`. Absent for SIGTERM. */
  readonly stopSignal: string | undefined
  /** True if the engine removes the container, with its log, when it exits. */
  readonly autoRemove: boolean
  readonly privileged: boolean
  readonly networkMode: string | undefined
  readonly cgroupParent: string | undefined
  readonly logDriver: string | undefined
  readonly limits: {
    /** Bytes. */
    readonly memory: number | undefined
    readonly memoryReservation: number | undefined
    readonly memorySwap: number | undefined
    readonly cpus: number | undefined
    readonly cpuShares: number | undefined
    readonly pids: number | undefined
  }
  /** Current ports; empty unless it runs. */
  readonly ports: readonly ContainerPort[]
  /** Requested ports, whether or not it runs: `0.0.0.0:` when the engine chooses the port. */
  readonly publishedPorts: readonly ContainerPort[]
  readonly mounts: readonly ContainerMount[]
  /** Network name → network id. */
  readonly networks: Readonly<Record<string, string>>
}

export interface EngineEvent {
  /** `container`, `image`, `network`, `volume`, `daemon`, … */
  readonly type: string
  /** `die`, `oom`, `health_status: unhealthy`, `exec_create: …`, … */
  readonly action: string
  /** Id of the container, network or image, or name of the volume. */
  readonly actor: string
  readonly attributes: Readonly<Record<string, string>>
  /** Nanoseconds since 1970, as text: more digits than a number can hold. */
  readonly timeNano: string
  /** Set for an event that was inferred from a container's own timestamps, not read from the stream. */
  readonly isInferred?: true
  /** Set for an event of more than 1 MiB, whose attributes were not read. */
  readonly isCut?: true
}

export interface LogRequest {
  /** Seconds since 1970, with up to nine decimals, as text. */
  readonly since?: string | undefined
  readonly until?: string | undefined
  readonly lines: number
}

/** Raw answer to `GET /containers/{id}/stats`: see `usage/engine-stats.ts`. */
export type StatsAnswer = Readonly<Record<string, unknown>>

/** Rejects with an `EngineError` that says what to do; resolves with `undefined` for objects that no longer exist. */
export interface EngineApi {
  info(signal: AbortSignal): Promise<EngineInfo>
  containers(signal: AbortSignal): Promise<ContainerSummary[]>
  container(id: string, signal: AbortSignal): Promise<ContainerDetails | undefined>
  image(id: string, signal: AbortSignal): Promise<ImageDetails | undefined>
  networks(signal: AbortSignal): Promise<NetworkDetails[]>
  volumes(signal: AbortSignal): Promise<VolumeDetails[]>
  diskUsage(signal: AbortSignal): Promise<DiskUsage>
  /** Requests one sample, without the second that the engine otherwise waits to compute a rate. */
  stats(id: string, signal: AbortSignal): Promise<StatsAnswer | undefined>
  /** Reads stdout and stderr in order, unredacted. `undefined` if the log driver does not support reading. */
  logs(id: string, request: LogRequest, signal: AbortSignal): Promise<string | undefined>
  /**
   * Follows a log from its last lines until the container exits or `signal` aborts. Passes the bytes on as they arrive,
   * in the format that `log-frames.ts` reads.
   */
  followLog(id: string, lines: number, take: (bytes: Buffer) => void, signal: AbortSignal): Promise<void>
  /**
   * Streams the events since a time, then new ones, until `signal` aborts. Rejects when the stream breaks.
   *
   * @param since seconds since 1970 with nine decimals, as text
   */
  events(since: string | undefined, signal: AbortSignal): AsyncIterable<EngineEvent>
  close(): void
}
