import type { ContainerShape } from '../changes/container-spec.ts'
import type { EndCount } from './restart-loop.ts'

/** Most containers, places and removed containers that are remembered, each. */
const MOST = 10_000

/** What has been told so far: what later events are understood by. Outlives a broken stream, not the agent. */
export interface History {
  /** From when on everything is told, in milliseconds since 1970. The first call decides. */
  begin(since: number): number
  /** The shape of the container that last took a place. */
  shapeIn(place: string): ContainerShape | undefined
  keepShape(place: string, shape: ContainerShape): void
  /** What has been told of a container. Knows it from then on. */
  container(id: string): ContainerHistory
  /** Ends of runs that followed one another, of a container that is known. */
  endsOf(id: string): EndCount | undefined
  /** Containers that are known, and have not been removed as far as was told. */
  ids(): string[]
  remove(id: string): void
  isRemoved(id: string): boolean
}

/** What happens to a container once in a run, and leaves its time behind in the container. */
export type Milestone = 'create' | 'start' | 'die'

/** What has been told of a container. */
export interface ContainerHistory {
  /** When somebody last sent the current run a signal that ends it, in milliseconds since 1970: an end soon after is no crash. */
  killedAt: number | undefined
  outOfMemory: boolean
  /** What the health check of the current run said last, as far as was told. */
  health: string | undefined
  /** When each last happened as far as was told, in milliseconds since 1970, and whether that was concluded from what the container says. */
  readonly told: Partial<Record<Milestone, { readonly at: number; readonly isConcluded: boolean }>>
  /** Ends of the restart loop that it may be in. */
  ends: EndCount | undefined
}

/** A history of nothing. */
export function createHistory(): History {
  const shapes = new Map<string, ContainerShape>()
  const containers = new Map<string, ContainerHistory>()
  const removed = new Map<string, true>()
  let since: number | undefined
  return {
    begin: (moment) => {
      since ??= moment
      return since
    },
    shapeIn: (place) => shapes.get(place),
    keepShape: (place, shape) => keep(shapes, place, shape),
    container: (id) => {
      const known = containers.get(id)
      if (known !== undefined) return known
      const container: ContainerHistory = {
        killedAt: undefined,
        outOfMemory: false,
        health: undefined,
        told: {},
        ends: undefined,
      }
      // What was removed may still be told of; that does not bring it back.
      if (!removed.has(id)) keep(containers, id, container)
      return container
    },
    endsOf: (id) => containers.get(id)?.ends,
    ids: () => [...containers.keys()],
    remove: (id) => {
      containers.delete(id)
      keep(removed, id, true)
    },
    isRemoved: (id) => removed.has(id),
  }
}

/** Adds the newest, and drops the oldest when there are too many. */
function keep<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key)
  map.set(key, value)
  for (const oldest of map.keys()) {
    if (map.size <= MOST) return
    map.delete(oldest)
  }
}
