import type { ContainerDetails, EngineApi, EngineInfo } from '../engine/engine-api.ts'
import { inTurns } from '../inventory.ts'
import { openCgroupReader } from './cgroup-reader.ts'
import type { ContainerUsage, UsageReader } from './container-usage.ts'
import { usageFromStats } from './engine-stats.ts'
import { sharesNetwork } from './shares-network.ts'

/** Most stats that are asked at once: the engine takes about a second for an answer, however many it works on. */
const CONCURRENCY = 64

export interface UsageOptions {
  readonly rootPath: string
  readonly info: Pick<EngineInfo, 'osType'>
  readonly engine: Pick<EngineApi, 'stats'>
  readonly now?: () => Date
}

/** Reads from the host's control groups what they have, and asks the engine for the rest: less than a tenth of the cost where all is there. */
export function openUsage({ rootPath, info, engine, now = () => new Date() }: UsageOptions): UsageReader {
  const groups = info.osType === 'windows' ? undefined : openCgroupReader(rootPath)
  let last = new Map<string, { readonly usage: number; readonly at: Date }>()

  const ask = async (container: ContainerDetails, signal: AbortSignal): Promise<ContainerUsage | undefined> => {
    const answer = await engine.stats(container.id, signal)
    const usage = answer === undefined ? undefined : usageFromStats(answer, container.limits.memory)
    // The engine gives a container the numbers of the network that it shares.
    return usage !== undefined && sharesNetwork(container.networkMode) ? { ...usage, networks: undefined } : usage
  }

  return {
    source: groups === undefined ? 'engine' : `cgroup v${groups.version}`,
    read: async (containers, signal) => {
      const usages = new Map<string, ContainerUsage>()
      const left: ContainerDetails[] = []
      for (const container of containers) {
        const usage = groups?.read(container)
        if (usage === undefined) left.push(container)
        else usages.set(container.id, usage)
      }
      const failures: unknown[] = []
      await inTurns(left, CONCURRENCY, async (container) => {
        try {
          const usage = await ask(container, signal)
          if (usage !== undefined) usages.set(container.id, usage)
        } catch (error) {
          if (signal.aborted) throw error
          failures.push(error)
        }
      })
      if (usages.size === 0 && failures.length > 0) throw failures[0]
      last = remembered(last, usages, now())
      return usages
    },
    lastMemory: (id) => last.get(id),
  }
}

/** Most containers whose last memory is remembered after they have ended. */
const REMEMBERED = 1000

function remembered(
  before: ReadonlyMap<string, { readonly usage: number; readonly at: Date }>,
  usages: ReadonlyMap<string, ContainerUsage>,
  at: Date,
): Map<string, { readonly usage: number; readonly at: Date }> {
  const ended = [...before].filter(([id]) => !usages.has(id)).slice(-REMEMBERED)
  const running = [...usages].flatMap(([id, { memory }]) =>
    memory.usage === undefined ? [] : [[id, { usage: memory.usage, at }] as const],
  )
  return new Map([...ended, ...running])
}
