import type { ContainerDetails, EngineApi, ImageDetails } from './engine/engine-api.ts'
import { EngineError } from './engine/engine-error.ts'

/** How often everything is listed although the event stream says what changes, in milliseconds. */
const RELIST = 600_000

/** Most inspections that are under way at once. */
const CONCURRENCY = 4

/** What is known of the engine's containers. */
export interface Inventory {
  /** Whether a container of this name is reported. */
  isWanted(name: string): boolean
  /** Every container but those that are left out by name. Inspects what is new or has changed. */
  containers(signal: AbortSignal): Promise<readonly ContainerDetails[]>
  /** Containers about which the engine answered with an error when it was last asked, and why. */
  unreadable(): readonly { readonly id: string; readonly reason: string }[]
  /** Inspects one now. `undefined` when it is gone; then `lastKnown` still has it. */
  inspect(id: string, signal: AbortSignal): Promise<ContainerDetails | undefined>
  /** What was known of a container when it was last inspected, also of one that is gone for a short while. */
  lastKnown(id: string): ContainerDetails | undefined
  /** An image's tags and digests, asked once. */
  image(id: string, signal: AbortSignal): Promise<ImageDetails | undefined>
  /** The event stream says that this container changed. */
  changed(id: string): void
  /** The event stream says that this container was removed. */
  removed(id: string): void
  /** Images have been tagged, pulled or deleted. */
  imagesChanged(): void
  /** Whether the event stream is read, so that nothing needs to be listed. */
  follow(isFollowed: boolean): void
}

/** An inventory of nothing yet. */
export function createInventory(engine: EngineApi, isWanted: (name: string) => boolean, now = Date.now): Inventory {
  const records = createRecords(engine)
  const { known, stale, forget, inspect } = records
  const images = createImages(engine)
  let listedAt = Number.NEGATIVE_INFINITY
  let isFollowed = false
  let refreshed: Promise<unknown> = Promise.resolve()

  const list = async (signal: AbortSignal): Promise<void> => {
    const startedAt = now()
    // What is created while the engine answers may be missing in the answer.
    const before = [...known.keys()]
    const rows = await engine.containers(signal)
    const ids = new Set(rows.map(({ id }) => id))
    for (const id of before) if (!ids.has(id)) forget(id)
    for (const { id, state } of rows) {
      const details = known.get(id)
      // Without the stream, what happens between two lists is not seen: a running container may be another run.
      if (details === undefined || !isFollowed || details.state.status !== state) stale.add(id)
    }
    listedAt = startedAt
  }

  const refresh = async (signal: AbortSignal): Promise<void> => {
    if (!isFollowed) images.imagesChanged()
    if (!isFollowed || now() - listedAt >= RELIST) await list(signal)
    await inTurns([...stale], CONCURRENCY, async (id) => {
      try {
        await inspect(id, signal)
      } catch (error) {
        if (!isAbout(error)) throw error
      }
    })
  }

  return {
    ...images,
    isWanted,
    containers: async (signal) => {
      // One after the other: the second finds done what the first has done.
      const mine = refreshed.then(() => refresh(signal))
      refreshed = mine.catch(() => undefined)
      await mine
      return [...known.values()].filter(({ name }) => isWanted(name))
    },
    unreadable: records.unreadable,
    inspect,
    lastKnown: records.lastKnown,
    changed: (id) => void stale.add(id),
    removed: forget,
    follow: (followed) => {
      // What happened between the last list and the stream's beginning is found by listing once more.
      if (followed !== isFollowed) listedAt = Number.NEGATIVE_INFINITY
      isFollowed = followed
    },
  }
}

/** Containers that are gone are remembered, as many as this, for what their last events want to know. */
const REMEMBERED = 256

/** What is known of each container. */
interface Records extends Pick<Inventory, 'inspect' | 'lastKnown' | 'unreadable'> {
  readonly known: Map<string, ContainerDetails>
  /** Those that are to be inspected. */
  readonly stale: Set<string>
  /** It is gone. */
  forget(id: string): void
}

function createRecords(engine: Pick<EngineApi, 'container'>): Records {
  const known = new Map<string, ContainerDetails>()
  const gone = new Map<string, ContainerDetails | undefined>()
  const stale = new Set<string>()
  const unreadable = new Map<string, string>()

  const forget = (id: string): void => {
    const details = known.get(id) ?? gone.get(id)
    known.delete(id)
    stale.delete(id)
    unreadable.delete(id)
    gone.delete(id)
    gone.set(id, details)
    const [oldest] = gone.keys()
    if (gone.size > REMEMBERED && oldest !== undefined) gone.delete(oldest)
  }

  const inspect = async (id: string, signal: AbortSignal): Promise<ContainerDetails | undefined> => {
    // What changes meanwhile makes it stale again.
    stale.delete(id)
    try {
      const details = await engine.container(id, signal)
      unreadable.delete(id)
      if (details !== undefined) known.set(id, details)
      // It may have been removed while the engine answered.
      if (details === undefined || gone.has(id)) forget(id)
      return details
    } catch (error) {
      stale.add(id)
      if (isAbout(error)) unreadable.set(id, error.message)
      throw error
    }
  }

  return {
    known,
    stale,
    forget,
    inspect,
    lastKnown: (id) => known.get(id) ?? gone.get(id),
    unreadable: () => [...unreadable].map(([id, reason]) => ({ id, reason })),
  }
}

/** Whether it says something of what was asked about, and not that the engine cannot be asked. */
function isAbout(error: unknown): error is EngineError {
  return error instanceof EngineError && error.status !== undefined
}

/** Images are asked once: what bears an id never changes, its tags do when the event stream says so. */
function createImages(engine: EngineApi): Pick<Inventory, 'image' | 'imagesChanged'> {
  let images = new Map<string, ImageDetails | undefined>()
  return {
    image: async (id, signal) => {
      // What is answered after a change may be from before it.
      const current = images
      if (current.has(id)) return current.get(id)
      const image = await engine.image(id, signal)
      current.set(id, image)
      return image
    },
    imagesChanged: () => {
      images = new Map()
    },
  }
}

/** Runs a task for every item, so many at once. Rejects with the first failure, after those under way have ended. */
export async function inTurns<Item>(
  items: readonly Item[],
  concurrency: number,
  run: (item: Item) => Promise<unknown>,
): Promise<void> {
  const queue = items.values()
  const work = async (): Promise<void> => {
    for (const item of queue) await run(item)
  }
  const results = await Promise.allSettled(Array.from({ length: Math.min(concurrency, items.length) }, work))
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}
