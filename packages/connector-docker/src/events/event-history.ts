import { createEventSampler, type EventSample } from '@rca/core/connector'
import type { ContainerSpec } from '../changes/container-spec.ts'
import { createChangeSteps } from './change-steps.ts'
import { noOomKill, type OomKill } from './oom-kill.ts'

/** Containers, slots and removed containers that are kept, each. */
const MAX_ENTRIES = 10_000

/** Time within which a second disconnection from a network is a repetition. */
const MAX_REPETITION_MS = 60_000

/** Events that happen once per run, and whose time the container itself records. */
export type Milestone = 'create' | 'start' | 'die'

export interface ContainerHistory {
  /** Time of the last stop signal to the current run, in milliseconds since 1970. An exit soon after is not a crash. */
  stopRequestedAt: number | undefined
  /** Time of the last signal whose number is unknown, in milliseconds since 1970. It may have been a stop signal. */
  unknownSignalAt: number | undefined
  oomKill: OomKill
  /** OOM kill in the last run, if SIGKILL ended that run without a request. */
  killedRun: OomKill | undefined
  /** Last reported health of the current run. */
  health: string | undefined
  /** Time of the last reported event of each kind, in milliseconds since 1970. */
  readonly reported: Partial<Record<Milestone, { readonly at: number; readonly isInferred: boolean }>>
  /** Time of the last exit, if it was only counted. In milliseconds since 1970. */
  countedExitAt: number | undefined
  /** Error of the last failed start, once it is reported. */
  startError: string | undefined
  /** True if the container could not be inspected when it was created: it is compared when it starts. */
  isUncompared: boolean
  /** Image that the container's tag has, once it is reported that the container runs an older one. */
  outdatedSince: string | undefined
  /** Names of event attributes that labels of the container replace. */
  readonly shadowed: Set<string>
}

export type EventHistory = ReturnType<typeof createEventHistory>

/** Keeps the state from earlier events. Survives a broken stream, but not a restart of the agent. */
export function createEventHistory() {
  const specs = new Map<string, ContainerSpec>()
  const containers = new Map<string, ContainerHistory>()
  const removed = new Map<string, true>()
  const exits = createEventSampler({ maxKeys: MAX_ENTRIES })
  const disconnections = new Map<string, number>()
  let since: number | undefined
  return {
    volumes: createVolumeHistory(),
    changeSteps: createChangeSteps(),
    /** Sets the time since which every event is reported, in milliseconds since 1970, unless it is set. Returns it. */
    start: (moment: number): number => {
      since ??= moment
      return since
    },
    /** Returns the spec of the container that last had a slot. */
    specIn: (slot: string) => specs.get(slot),
    keepSpec: (slot: string, spec: ContainerSpec) => keep(specs, slot, spec),
    /** Returns the history of a container, which is kept from then on. */
    ofContainer: (id: string): ContainerHistory => {
      const known = containers.get(id)
      if (known !== undefined) return known
      const container: ContainerHistory = {
        stopRequestedAt: undefined,
        unknownSignalAt: undefined,
        oomKill: noOomKill(),
        killedRun: undefined,
        health: undefined,
        reported: {},
        countedExitAt: undefined,
        startError: undefined,
        isUncompared: false,
        outdatedSince: undefined,
        shadowed: new Set(),
      }
      // Late events of a removed container do not restore it.
      if (!removed.has(id)) keep(containers, id, container)
      return container
    },
    /** Counts an exit that may belong to a restart loop. Returns `undefined` for an exit that is not reported. */
    sampleExit: (id: string, at: Date): EventSample | undefined => {
      const sample = exits.sample(id, { at, series: () => at.toISOString() })
      const container = containers.get(id)
      const isCounted = sample === undefined || sample.isMilestone
      if (container !== undefined) container.countedExitAt = isCounted ? at.getTime() : undefined
      return sample
    },
    /** Returns whether the exits of a container are counted at this time, rather than reported one by one. */
    isInRestartLoop: (id: string, at: Date): boolean => {
      const { countedExitAt } = containers.get(id) ?? {}
      return countedExitAt !== undefined && at.getTime() - countedExitAt <= createEventSampler.QUIET_MS
    },
    /**
     * Records that a container was connected to, or disconnected from, a network. Returns `false` for a second
     * disconnection in a row: some engines report each twice.
     */
    recordConnection: (container: string, network: string, action: string, at: Date): boolean => {
      const key = `${container}/${network}`
      const before = disconnections.get(key)
      if (action !== 'disconnect') disconnections.delete(key)
      else keep(disconnections, key, at.getTime())
      return action !== 'disconnect' || before === undefined || at.getTime() - before > MAX_REPETITION_MS
    },
    /** Returns the ids of the containers that have not been removed. */
    ids: () => [...containers.keys()],
    remove: (id: string): void => {
      containers.delete(id)
      keep(removed, id, true)
    },
    isRemoved: (id: string) => removed.has(id),
  }
}

/** Keeps the creation times of volumes, in milliseconds since 1970. */
function createVolumeHistory() {
  const created = new Map<string, number>()
  return {
    /** Returns the first known creation time of a volume; `undefined` for an unknown volume. */
    createdAt: (name: string) => created.get(name),
    /** Keeps a creation time, unless an earlier one is known: engines may read it from a folder that changes later. */
    keep: (name: string, createdAt: number): void =>
      keep(created, name, Math.min(createdAt, created.get(name) ?? createdAt)),
    remove: (name: string) => void created.delete(name),
  }
}

/** Adds an entry, and drops the oldest beyond the limit. */
function keep<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key)
  map.set(key, value)
  for (const oldest of map.keys()) {
    if (map.size <= MAX_ENTRIES) return
    map.delete(oldest)
  }
}
