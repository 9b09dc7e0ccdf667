/** What the engine says of itself. */
export interface EngineInfo {
  readonly id: string
  /** Name of the host as the engine knows it. */
  readonly name: string
  readonly version: string
  readonly apiVersion: string
  readonly operatingSystem: string | undefined
  readonly osType: string | undefined
  readonly architecture: string | undefined
  readonly kernelVersion: string | undefined
  readonly storageDriver: string | undefined
  readonly cgroupVersion: string | undefined
  readonly liveRestore: boolean | undefined
  readonly cpus: number | undefined
  /** Bytes. */
  readonly memory: number | undefined
  readonly containersByState: Readonly<Record<string, number>>
  readonly images: number | undefined
}

/** A row of the list of containers: enough to see that something changed. */
export interface ContainerSummary {
  readonly id: string
  /** `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`. */
  readonly state: string
}

/** A container's health as its health check sees it. */
export interface ContainerHealth {
  readonly status: string
  readonly failingStreak: number | undefined
  /** Output of the last failed probe. Unredacted: may hold anything. */
  readonly lastOutput: string | undefined
}

export interface ContainerMount {
  /** `bind`, `volume`, `tmpfs`, … */
  readonly type: string
  /** Name of the volume, where it is one. */
  readonly name: string | undefined
  readonly source: string | undefined
  readonly destination: string
  readonly writable: boolean
}

export interface ContainerPort {
  /** `80/tcp` */
  readonly container: string
  /** `0.0.0.0:8080`, where it is published. */
  readonly host: string | undefined
}

/** All that is known of a container. Holds values of environment variables and the command line: neither may be sent. */
export interface ContainerDetails {
  readonly id: string
  readonly name: string
  readonly created: string
  /** What it was created from, as written: `nginx:1.27`. */
  readonly image: string
  /** `sha256:…` of the image's configuration. */
  readonly imageId: string
  readonly labels: Readonly<Record<string, string>>
  readonly command: readonly string[]
  /** `NAME=value`. Never leaves the process. */
  readonly environment: readonly string[]
  readonly state: {
    readonly status: string
    readonly pid: number | undefined
    readonly exitCode: number | undefined
    readonly outOfMemory: boolean
    readonly error: string | undefined
    /** ISO 8601; absent where it was never started or has not finished. */
    readonly startedAt: string | undefined
    readonly finishedAt: string | undefined
    readonly health: ContainerHealth | undefined
  }
  readonly restartCount: number | undefined
  readonly restartPolicy: string | undefined
  /** By which it wants to be stopped, as written: `SIGQUIT`, `QUIT` or `3`. Absent for SIGTERM. */
  readonly stopSignal: string | undefined
  readonly privileged: boolean
  readonly networkMode: string | undefined
  readonly cgroupParent: string | undefined
  readonly logDriver: string | undefined
  readonly limits: {
    /** Bytes. */
    readonly memory: number | undefined
    readonly memoryReservation: number | undefined
    readonly memorySwap: number | undefined
    /** Processors. */
    readonly cpus: number | undefined
    readonly cpuShares: number | undefined
    readonly pids: number | undefined
  }
  /** As they are; none before the start and after the end. */
  readonly ports: readonly ContainerPort[]
  /** As they were asked for, whether or not it runs: `0.0.0.0:` where the engine chooses. */
  readonly publishedPorts: readonly ContainerPort[]
  readonly mounts: readonly ContainerMount[]
  /** Network's name → its id. */
  readonly networks: Readonly<Record<string, string>>
}

export interface ImageDetails {
  readonly id: string
  readonly tags: readonly string[]
  /** `repository@sha256:…` */
  readonly digests: readonly string[]
  readonly created: string | undefined
  /** Bytes. */
  readonly size: number | undefined
  readonly architecture: string | undefined
  readonly os: string | undefined
}

export interface NetworkDetails {
  readonly id: string
  readonly name: string
  readonly driver: string | undefined
  readonly scope: string | undefined
  readonly internal: boolean
  readonly subnets: readonly string[]
}

export interface VolumeDetails {
  readonly name: string
  readonly driver: string | undefined
  readonly created: string | undefined
}

/** Bytes on the engine's disk. */
export interface DiskUsage {
  readonly images: number | undefined
  readonly containers: number | undefined
  readonly volumes: number | undefined
  readonly buildCache: number | undefined
}

/** A message of the engine's event stream. */
export interface EngineEvent {
  /** `container`, `image`, `network`, `volume`, `daemon`, … */
  readonly type: string
  /** `die`, `oom`, `health_status: unhealthy`, `exec_create: …`, … */
  readonly action: string
  /** Id of the container, network or image, or the volume's name. */
  readonly actor: string
  readonly attributes: Readonly<Record<string, string>>
  /** Nanoseconds since 1970, as text: more digits than a number holds. Unique enough to tell two events apart. */
  readonly timeNano: string
  /** Not told by the engine, but concluded from what a container says of itself. */
  readonly isConcluded?: true
}

export interface LogRequest {
  /** Seconds since 1970, with up to nine decimals, as text. */
  readonly since?: string | undefined
  readonly until?: string | undefined
  /** Last so many lines. */
  readonly lines: number
}

/** The answer to `GET /containers/{id}/stats`, as the engine writes it: see `../usage/stats.ts`. */
export type StatsAnswer = Readonly<Record<string, unknown>>

/** The engine as this connector speaks to it. Everything rejects with an `EngineError` that says what to do; what no longer exists is `undefined`. */
export interface EngineApi {
  info(signal: AbortSignal): Promise<EngineInfo>
  /** In every state. */
  containers(signal: AbortSignal): Promise<ContainerSummary[]>
  container(id: string, signal: AbortSignal): Promise<ContainerDetails | undefined>
  image(id: string, signal: AbortSignal): Promise<ImageDetails | undefined>
  networks(signal: AbortSignal): Promise<NetworkDetails[]>
  volumes(signal: AbortSignal): Promise<VolumeDetails[]>
  diskUsage(signal: AbortSignal): Promise<DiskUsage>
  /** Without the second that the engine otherwise waits for a rate. */
  stats(id: string, signal: AbortSignal): Promise<StatsAnswer | undefined>
  /** Both streams in their order, undecorated. Unredacted. `undefined` where the log driver cannot be read or the container is gone. */
  logs(id: string, request: LogRequest, signal: AbortSignal): Promise<string | undefined>
  /** Every event since a moment (seconds since 1970, with nine decimals, as text), then those that come, until `signal` aborts. Rejects when the stream breaks. */
  events(since: string | undefined, signal: AbortSignal): AsyncIterable<EngineEvent>
  close(): void
}
