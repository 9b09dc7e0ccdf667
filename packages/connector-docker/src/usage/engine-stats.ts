import { z } from 'zod'
import type { StatsAnswer } from '../engine/engine-api.ts'
import { optional } from '../engine/lenient-schemas.ts'
import type { ContainerUsage, DiskIo } from './container-usage.ts'
import { amountOf, divide, subtract } from './kernel-files.ts'

/** Leaves out an impossible amount, which the engine passes on from the kernel. */
const amount = z.number().optional().catch(undefined).transform(amountOf)

const blockRows = optional(z.array(z.object({ major: z.number(), minor: z.number(), op: z.string(), value: amount })))

/** Answer to `GET /containers/{id}/stats` (Engine API 1.24 to 1.5x), for control groups v1 and v2. */
const answerSchema = z.object({
  cpu_stats: optional(
    z.object({
      cpu_usage: optional(z.object({ total_usage: amount, usage_in_usermode: amount, usage_in_kernelmode: amount })),
      throttling_data: optional(z.object({ periods: amount, throttled_periods: amount, throttled_time: amount })),
    }),
  ),
  memory_stats: optional(
    z.object({ usage: amount, limit: amount, failcnt: amount, stats: optional(z.record(z.string(), z.unknown())) }),
  ),
  pids_stats: optional(z.object({ current: amount })),
  networks: optional(
    z.record(
      z.string(),
      z.object({
        rx_bytes: amount,
        rx_packets: amount,
        rx_errors: amount,
        rx_dropped: amount,
        tx_bytes: amount,
        tx_packets: amount,
        tx_errors: amount,
        tx_dropped: amount,
      }),
    ),
  ),
  blkio_stats: optional(z.object({ io_service_bytes_recursive: blockRows, io_serviced_recursive: blockRows })),
})

/**
 * Parses a container's stats. Returns `undefined` for a stopped container, for which the engine writes zeroes.
 *
 * @param limit memory limit in bytes; without a limit, the engine writes the host's memory
 */
export function parseStats(answer: StatsAnswer, limit: number | undefined): ContainerUsage | undefined {
  // For a stopped container, Podman answers with an empty body, or with an error under status 200.
  const { data = {} } = answerSchema.safeParse(answer)
  const { cpu_stats: cpu, memory_stats: memory, pids_stats: pids, networks, blkio_stats: blkio } = data
  const total = cpu?.cpu_usage?.total_usage
  if (total === undefined || (total === 0 && memory?.usage === undefined)) return undefined
  const memoryStat = (name: string): number | undefined => {
    const value = memory?.stats?.[name]
    return typeof value === 'number' ? amountOf(value) : undefined
  }
  const usage = subtract(memory?.usage, memoryStat('total_inactive_file') ?? memoryStat('inactive_file'))
  return {
    cpu: {
      total: divide(total, 1e9),
      user: divide(cpu?.cpu_usage?.usage_in_usermode, 1e9),
      system: divide(cpu?.cpu_usage?.usage_in_kernelmode, 1e9),
      periods: cpu?.throttling_data?.periods,
      throttledPeriods: cpu?.throttling_data?.throttled_periods,
      throttledTime: divide(cpu?.throttling_data?.throttled_time, 1e9),
    },
    memory: {
      usage,
      workingSet: usage,
      rss: memoryStat('total_rss') ?? memoryStat('anon'),
      limit,
      // The engine leaves the field out when it is 0, and under control groups v2.
      fails: memory?.failcnt ?? (memoryStat('total_rss') === undefined ? undefined : 0),
    },
    pids: pids?.current,
    networks:
      networks == null
        ? undefined
        : Object.entries(networks).map(([name, counters]) => ({
            name,
            bytesReceived: counters.rx_bytes,
            packetsReceived: counters.rx_packets,
            errorsReceived: counters.rx_errors,
            droppedReceived: counters.rx_dropped,
            bytesTransmitted: counters.tx_bytes,
            packetsTransmitted: counters.tx_packets,
            errorsTransmitted: counters.tx_errors,
            droppedTransmitted: counters.tx_dropped,
          })),
    disks: parseDisks(blkio?.io_service_bytes_recursive ?? undefined, blkio?.io_serviced_recursive ?? undefined),
  }
}

type BlockRows = NonNullable<z.output<typeof blockRows>>

function parseDisks(bytes: BlockRows | undefined, counts: BlockRows | undefined): DiskIo[] | undefined {
  if (bytes === undefined && counts === undefined) return undefined
  const value = (rows: BlockRows | undefined, device: string, operation: string): number | undefined =>
    rows?.find((row) => `${row.major}:${row.minor}` === device && row.op.toLowerCase() === operation)?.value
  const devices = new Set([...(bytes ?? []), ...(counts ?? [])].map(({ major, minor }) => `${major}:${minor}`))
  return [...devices].map((device) => ({
    device,
    bytesRead: value(bytes, device, 'read'),
    bytesWritten: value(bytes, device, 'write'),
    reads: value(counts, device, 'read'),
    writes: value(counts, device, 'write'),
  }))
}
