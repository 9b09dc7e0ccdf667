import { z } from 'zod'
import type { ContainerDetails, ContainerPort } from './engine-api.ts'
import { flag, moment, number, optional, positive, record, text, texts } from './lenient-schemas.ts'

const portBinding = z.object({ HostIp: text, HostPort: text })
const portBindings = optional(z.record(z.string(), z.array(portBinding).nullable().catch(null)))

const containerSchema = z.object({
  Id: z.string(),
  Name: text,
  Created: text,
  Image: text,
  Path: text,
  Args: texts,
  RestartCount: number,
  State: z
    .object({
      Status: text,
      Pid: number,
      ExitCode: number,
      OOMKilled: flag,
      Error: text,
      StartedAt: text,
      FinishedAt: text,
      Health: optional(
        z.object({
          Status: text,
          FailingStreak: number,
          Log: optional(z.array(z.object({ ExitCode: number, Output: text }))),
        }),
      ),
    })
    .catch({} as never),
  Config: z.object({ Image: text, Labels: record, Env: texts, StopSignal: text }).catch({ Labels: {}, Env: [] }),
  HostConfig: z
    .object({
      Memory: number,
      MemoryReservation: number,
      MemorySwap: number,
      NanoCpus: number,
      CpuQuota: number,
      CpuPeriod: number,
      CpuShares: number,
      PidsLimit: number,
      Privileged: flag,
      AutoRemove: flag,
      NetworkMode: text,
      CgroupParent: text,
      RestartPolicy: optional(z.object({ Name: text })),
      LogConfig: optional(z.object({ Type: text })),
      PortBindings: portBindings,
    })
    .catch({} as never),
  Mounts: optional(z.array(z.object({ Type: text, Name: text, Source: text, Destination: text, RW: flag }))),
  NetworkSettings: optional(
    z.object({
      Ports: portBindings,
      Networks: optional(z.record(z.string(), z.object({ NetworkID: text }).catch({}))),
    }),
  ),
})

/** @throws Error when the id is missing. */
export function toContainer(answer: unknown): ContainerDetails {
  const { State: state, Config: config, HostConfig: host, ...read } = containerSchema.parse(answer)
  return {
    id: read.Id,
    name: (read.Name ?? '').replace(/^\//, ''),
    created: read.Created ?? '',
    image: config.Image ?? read.Image ?? '',
    imageId: read.Image ?? '',
    labels: config.Labels,
    command: [...(read.Path === undefined ? [] : [read.Path]), ...read.Args],
    environment: config.Env,
    state: toState(state),
    restartCount: read.RestartCount,
    restartPolicy: host.RestartPolicy?.Name,
    stopSignal: config.StopSignal,
    autoRemove: host.AutoRemove ?? false,
    privileged: host.Privileged ?? false,
    // Engines before 26 write `default` for the default network.
    networkMode: host.NetworkMode === 'default' ? 'bridge' : host.NetworkMode,
    cgroupParent: host.CgroupParent,
    logDriver: host.LogConfig?.Type,
    limits: {
      memory: positive(host.Memory),
      memoryReservation: positive(host.MemoryReservation),
      memorySwap: positive(host.MemorySwap),
      cpus: processors(host.NanoCpus, host.CpuQuota, host.CpuPeriod),
      cpuShares: positive(host.CpuShares),
      pids: positive(host.PidsLimit),
    },
    ports: toPorts(read.NetworkSettings?.Ports),
    publishedPorts: toPorts(host.PortBindings).filter(({ host: address }) => address !== undefined),
    mounts: (read.Mounts ?? []).map((mount) => ({
      type: mount.Type ?? '',
      name: mount.Name,
      source: mount.Source,
      destination: mount.Destination ?? '',
      writable: mount.RW ?? true,
    })),
    networks: Object.fromEntries(
      Object.entries(read.NetworkSettings?.Networks ?? {}).flatMap(([name, { NetworkID: id }]) =>
        // Podman before 5 writes the name as the id, as other engines do for the host network. No network has that id.
        id === undefined || id === name ? [] : [[name, id]],
      ),
    ),
  }
}

function toState(state: z.output<typeof containerSchema>['State']): ContainerDetails['state'] {
  const { Health: health } = state
  const verdict = health?.Status === 'none' ? undefined : health?.Status
  return {
    status: state.Status ?? '',
    pid: positive(state.Pid),
    exitCode: state.ExitCode,
    outOfMemory: state.OOMKilled ?? false,
    error: state.Error,
    startedAt: moment(state.StartedAt),
    finishedAt: moment(state.FinishedAt),
    health:
      verdict === undefined
        ? undefined
        : {
            status: verdict,
            failingStreak: health?.FailingStreak,
            lastOutput: health?.Log?.findLast(({ ExitCode: code }) => code !== 0)?.Output,
          },
  }
}

function toPorts(ports: z.output<typeof portBindings>): ContainerPort[] {
  return Object.entries(ports ?? {}).flatMap(([container, bindings]): ContainerPort[] => {
    if (bindings === null || bindings.length === 0) return [{ container, host: undefined }]
    return bindings.map(({ HostIp: ip = '', HostPort: port = '' }) => ({
      container,
      host: `${ip.includes(':') ? `[${ip}]` : ip || '0.0.0.0'}:${port}`,
    }))
  })
}

function processors(
  nano: number | undefined,
  quota: number | undefined,
  period: number | undefined,
): number | undefined {
  const [whole, share] = [positive(nano), positive(quota)]
  if (whole !== undefined) return whole / 1e9
  // Default period of the kernel: 100 ms, in microseconds.
  return share === undefined ? undefined : share / (positive(period) ?? 100_000)
}
