import { z } from 'zod'
import { flag, moment, number, optional, record, text, texts } from './lenient-schemas.ts'

/* Translates answers of the Engine API (docs.docker.com/reference/api/engine) to the types in `engine-api.ts`. */

const infoSchema = z.object({
  ID: text,
  Name: text,
  ServerVersion: text,
  OperatingSystem: text,
  OSType: text,
  Architecture: text,
  KernelVersion: text,
  Driver: text,
  CgroupVersion: text,
  LiveRestoreEnabled: flag,
  NCPU: number,
  MemTotal: number,
  ContainersRunning: number,
  ContainersPaused: number,
  ContainersStopped: number,
  Images: number,
  SystemTime: text,
})

const versionSchema = z.object({
  ApiVersion: text,
  Components: optional(z.array(z.object({ Name: text }))),
})

/** @throws Error when the answer does not come from a Docker engine. */
export function toInfo(info: unknown, version: unknown) {
  const read = infoSchema.parse(info)
  const { ApiVersion: apiVersion = '', Components: components } = versionSchema.parse(version)
  const states = { running: read.ContainersRunning, paused: read.ContainersPaused, stopped: read.ContainersStopped }
  // Podman generates a new id for every answer; its host name is the best identity available.
  const isPodman = components?.some(({ Name: name }) => name === 'Podman Engine') ?? false
  const id = (isPodman ? undefined : read.ID) ?? read.Name
  if (id === undefined)
    throw new Error('the server is not a Docker engine: its answer has neither an id nor a host name')
  return {
    id,
    name: read.Name ?? id,
    isPodman,
    version: read.ServerVersion ?? '',
    apiVersion,
    operatingSystem: read.OperatingSystem,
    osType: read.OSType,
    architecture: read.Architecture,
    kernelVersion: read.KernelVersion,
    storageDriver: read.Driver,
    cgroupVersion: read.CgroupVersion,
    liveRestore: read.LiveRestoreEnabled,
    cpus: read.NCPU,
    /** Bytes. */
    memory: read.MemTotal,
    containersByState: Object.fromEntries(
      Object.entries(states).filter((entry): entry is [string, number] => entry[1] !== undefined),
    ),
    images: read.Images,
    /** The engine's time. ISO 8601. */
    systemTime: read.SystemTime,
  }
}

const summarySchema = z.object({ Id: z.string(), State: text, Status: text })

/** Translates a row of the container list: enough to detect a change. @throws Error when the id is missing. */
export function toSummary(row: unknown) {
  const { Id: id, State: state = '', Status: status = '' } = summarySchema.parse(row)
  return {
    id,
    state,
    /** Times and exit code, as `Up 3 minutes` or `Exited (1) 2 hours ago`. */
    status,
  }
}

const imageSchema = z.object({
  Id: z.string(),
  RepoTags: texts,
  RepoDigests: texts,
  Created: z.union([z.string(), z.number()]).optional().catch(undefined),
  Size: number,
  Architecture: text,
  Os: text,
  Config: optional(z.object({ Labels: record })),
})

/** @throws Error when the id is missing. */
export function toImage(answer: unknown) {
  const read = imageSchema.parse(answer)
  const isNamed = (name: string): boolean => !name.includes('<none>')
  return {
    id: read.Id,
    tags: read.RepoTags.filter(isNamed),
    /** `repository@sha256:…` */
    digests: read.RepoDigests.filter(isNamed),
    // Seconds in a list, ISO 8601 in a single answer.
    created: typeof read.Created === 'number' ? new Date(read.Created * 1000).toISOString() : moment(read.Created),
    /** Bytes. */
    size: read.Size,
    architecture: read.Architecture,
    os: read.Os,
    /** Labels that its containers inherit. */
    labels: read.Config?.Labels ?? {},
  }
}

const networkSchema = z.object({
  Id: z.string(),
  Name: text,
  Driver: text,
  Scope: text,
  Internal: flag,
  IPAM: optional(z.object({ Config: z.array(z.object({ Subnet: text })).nullish() })),
})

/** @throws Error when the id is missing. */
export function toNetwork(answer: unknown) {
  const read = networkSchema.parse(answer)
  return {
    id: read.Id,
    name: read.Name ?? read.Id,
    driver: read.Driver,
    scope: read.Scope,
    internal: read.Internal ?? false,
    subnets: (read.IPAM?.Config ?? []).flatMap(({ Subnet: subnet }) => subnet ?? []),
  }
}

const volumeSchema = z.object({ Name: z.string(), Driver: text, CreatedAt: text })

/** @throws Error when the name is missing. */
export function toVolume(answer: unknown) {
  const { Name: name, Driver: driver, CreatedAt: created } = volumeSchema.parse(answer)
  return { name, driver, created }
}

const diskUsageSchema = z.object({
  LayersSize: number,
  Containers: optional(z.array(z.object({ SizeRw: number }))),
  Volumes: optional(z.array(z.object({ UsageData: z.object({ Size: number }).nullish() }))),
  BuildCache: optional(z.array(z.object({ Size: number, Shared: flag }))),
})

/** Translates the answer to `GET /system/df`. Sizes in bytes. @throws Error when the answer has none of them. */
export function toDiskUsage(answer: unknown) {
  const read = diskUsageSchema.parse(answer)
  if (Object.values(read).every((part) => part === undefined || part === null))
    throw new Error('the answer has no disk usage')
  return {
    images: read.LayersSize,
    containers: read.Containers?.reduce((sum, { SizeRw: size = 0 }) => sum + size, 0),
    // The engine writes -1 for an unknown size.
    volumes: read.Volumes?.reduce((sum, { UsageData: usage }) => sum + Math.max(0, usage?.Size ?? 0), 0),
    buildCache: read.BuildCache?.reduce(
      (sum, { Size: size = 0, Shared: shared }) => sum + (shared === true ? 0 : size),
      0,
    ),
  }
}
