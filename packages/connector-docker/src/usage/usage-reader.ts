import type { ContainerDetails, EngineApi, EngineInfo } from '../engine/engine-api.ts'
import { forEachLimited } from '../for-each-limited.ts'
import { openCgroupReader } from './cgroup-reader.ts'
import { type ContainerUsage, sharesNetwork } from './container-usage.ts'
import { parseStats } from './engine-stats.ts'

/** Concurrent stats requests. The engine takes about a second for each, however many it serves. */
const MAX_STATS_REQUESTS = 64

interface MemoryReading {
  readonly usage: number
  readonly at: Date
}

export interface UsageReaderOptions {
  readonly rootPath: string
  readonly info: Pick<EngineInfo, 'osType'>
  readonly engine: Pick<EngineApi, 'stats'>
  readonly now?: () => Date
}

export type UsageReader = ReturnType<typeof createUsageReader>

/**
 * Reads the host's control groups, and requests stats, at ten times the cost, of containers without a visible group.
 */
export function createUsageReader({ rootPath, info, engine, now = () => new Date() }: UsageReaderOptions) {
  const groups = info.osType === 'windows' ? undefined : openCgroupReader(rootPath)
  let last = new Map<string, MemoryReading>()

  const request = async (container: ContainerDetails, signal: AbortSignal): Promise<ContainerUsage | undefined> => {
    const answer = await engine.stats(container.id, signal)
    const usage = answer === undefined ? undefined : parseStats(answer, container.limits.memory)
    // The engine reports the counters of a shared network for each container that shares it.
    return usage !== undefined && sharesNetwork(container.networkMode) ? { ...usage, networks: undefined } : usage
  }

  return {
    source: groups === undefined ? ('engine' as const) : (`cgroup v${groups.version}` as const),
    /** Returns usage by container id, without containers that ended in the meantime. Rejects when none can be read. */
    read: async (
      containers: readonly ContainerDetails[],
      signal: AbortSignal,
    ): Promise<ReadonlyMap<string, ContainerUsage>> => {
      const usages = new Map<string, ContainerUsage>()
      groups?.countOomKills()
      const unread: ContainerDetails[] = []
      for (const container of containers) {
        const usage = groups?.read(container)
        if (usage === undefined) unread.push(container)
        else usages.set(container.id, usage)
      }
      const failures: unknown[] = []
      await forEachLimited(unread, MAX_STATS_REQUESTS, async (container) => {
        try {
          const usage = await request(container, signal)
          if (usage !== undefined) usages.set(container.id, usage)
        } catch (error) {
          if (signal.aborted) throw error
          failures.push(error)
        }
      })
      if (usages.size === 0 && failures.length > 0) throw failures[0]
      last = withLatest(last, usages, now())
      return usages
    },
    /** Returns whether the kernel has just killed a process of a container for its memory. Once per kill. */
    takeOomKill: (container: ContainerDetails): boolean => groups?.takeOomKill(container) ?? false,
    /** Returns the last memory usage read of a container, as evidence for a crash. */
    lastMemory: (id: string): MemoryReading | undefined => last.get(id),
  }
}

/** Ended containers whose last memory usage is kept. */
const MAX_ENDED_CONTAINERS = 1000

function withLatest(
  before: ReadonlyMap<string, MemoryReading>,
  usages: ReadonlyMap<string, ContainerUsage>,
  at: Date,
): Map<string, MemoryReading> {
  const ended = [...before].filter(([id]) => !usages.has(id)).slice(-MAX_ENDED_CONTAINERS)
  const running = [...usages].flatMap(([id, { memory }]) =>
    memory.usage === undefined ? [] : [[id, { usage: memory.usage, at }] as const],
  )
  return new Map([...ended, ...running])
}
