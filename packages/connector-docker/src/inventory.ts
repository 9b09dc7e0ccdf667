import type { ContainerDetails, ContainerSummary, EngineApi, ImageDetails } from './engine/engine-api.ts'
import { EngineError } from './engine/engine-error.ts'
import { forEachLimited } from './for-each-limited.ts'

/** Age from which a list is too old for `listContainers`. */
const MAX_LIST_AGE_MS = 5_000

const MAX_INSPECTIONS = 4

export type Inventory = ReturnType<typeof createInventory>

/**
 * Caches the engine's containers and images, kept current by lists and the event stream.
 *
 * @param engineNow returns the engine's time, in milliseconds since 1970
 */
export function createInventory(
  engine: EngineApi,
  isIncluded: (name: string) => boolean,
  now: () => number = Date.now,
  engineNow: () => number = now,
) {
  const cache = createContainerCache(engine)
  const { known, stale, forget, inspect } = cache
  const images = createImageCache(engine)
  let listedAt = Number.NEGATIVE_INFINITY
  let isFollowed = false
  let refreshing: Promise<unknown> = Promise.resolve()

  const list = async (signal: AbortSignal): Promise<void> => {
    const [startedAt, engineTime] = [now(), engineNow()]
    // Containers created during the request may be missing from the answer.
    const before = [...known.keys()]
    const rows = await engine.containers(signal)
    const ids = new Set(rows.map(({ id }) => id))
    for (const id of before) if (!ids.has(id)) forget(id)
    for (const row of rows) {
      const details = known.get(row.id)
      if (details === undefined || !isFollowed || differs(details, row, engineTime)) stale.add(row.id)
    }
    listedAt = startedAt
  }

  const refresh = async (signal: AbortSignal, maxAgeMs: number): Promise<void> => {
    if (!isFollowed) images.markImagesChanged()
    if (!isFollowed || now() - listedAt >= maxAgeMs) await list(signal)
    await forEachLimited([...stale], MAX_INSPECTIONS, async (id) => {
      try {
        await inspect(id, signal)
      } catch (error) {
        if (!isContainerError(error)) throw error
      }
    })
  }

  const included = (): ContainerDetails[] => [...known.values()].filter(({ name }) => isIncluded(name))

  // Serialized, so that a second caller finds the work of the first done.
  const listed = async (signal: AbortSignal, maxAgeMs: number): Promise<readonly ContainerDetails[]> => {
    const own = refreshing.then(() => refresh(signal, maxAgeMs))
    refreshing = own.catch(() => undefined)
    await own
    return included()
  }

  return {
    ...images,
    /** Returns whether containers of this name are reported. */
    isIncluded,
    /**
     * Returns every container that is not excluded by name. Inspects new and changed ones. While the event stream is
     * followed, sends no request without changes, so that it does not wait for an engine that hangs.
     */
    containers: async (signal: AbortSignal): Promise<readonly ContainerDetails[]> => {
      const isCurrent = isFollowed && listedAt !== Number.NEGATIVE_INFINITY && stale.size === 0
      return isCurrent ? included() : listed(signal, Number.POSITIVE_INFINITY)
    },
    /** Returns the same as `containers`, and lists them even while the event stream is followed: it may lack events. */
    listContainers: (signal: AbortSignal, maxAgeMs = MAX_LIST_AGE_MS) => listed(signal, maxAgeMs),
    unreadable: cache.unreadable,
    inspect,
    lastKnown: cache.lastKnown,
    /** Marks a container as changed, so that it is inspected next time. */
    markChanged: (id: string) => void stale.add(id),
    markRemoved: forget,
    /** Sets whether the event stream is followed, which makes most lists unnecessary. */
    setFollowed: (followed: boolean): void => {
      // Lists once more, to find what happened between the last list and the start of the stream.
      if (followed !== isFollowed) listedAt = Number.NEGATIVE_INFINITY
      isFollowed = followed
    },
  }
}

/** Units in the status of a container, in milliseconds. */
const UNITS_MS: Readonly<Record<string, number>> = {
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 604_800_000,
  month: 2_592_000_000,
  year: 31_536_000_000,
}

/** Returns whether a row of the list shows another state, or another run, than the last inspection. */
function differs({ state: known }: ContainerDetails, { state, status }: ContainerSummary, now: number): boolean {
  if (known.status !== state) return true
  const exitCode = /^Exited \((\d+)\)/.exec(status)?.[1]
  if (exitCode !== undefined && known.exitCode !== Number(exitCode)) return true
  const [, count = '', unit = 'second'] = /(\d+|Less than a|About an?) (\w+?)s?(?: ago)?(?: \(|$)/.exec(status) ?? []
  const at = Date.parse((status.startsWith('Up') ? known.startedAt : known.finishedAt) ?? '')
  if (count === '' || Number.isNaN(at)) return false
  // The engine truncates to whole units. Twice the time is certainly another run.
  const elapsed = (/\d/.test(count) ? Number(count) + 1 : 2) * (UNITS_MS[unit] ?? Number.POSITIVE_INFINITY)
  return now - at > 2 * elapsed
}

/** Removed containers that are kept, for the events that follow a removal. */
const MAX_REMOVED_CONTAINERS = 256

/** Keeps the last inspection of each container. */
function createContainerCache(engine: Pick<EngineApi, 'container'>) {
  const known = new Map<string, ContainerDetails>()
  const removed = new Map<string, ContainerDetails | undefined>()
  const stale = new Set<string>()
  const unreadable = new Map<string, string>()

  const forget = (id: string): void => {
    const details = known.get(id) ?? removed.get(id)
    known.delete(id)
    stale.delete(id)
    unreadable.delete(id)
    removed.delete(id)
    removed.set(id, details)
    const [oldest] = removed.keys()
    if (removed.size > MAX_REMOVED_CONTAINERS && oldest !== undefined) removed.delete(oldest)
  }

  const inspect = async (id: string, signal: AbortSignal): Promise<ContainerDetails | undefined> => {
    // A change during the request marks it as stale again.
    stale.delete(id)
    try {
      const details = await engine.container(id, signal)
      unreadable.delete(id)
      if (details !== undefined) known.set(id, details)
      // The container may have been removed during the request.
      if (details === undefined || removed.has(id)) forget(id)
      return details
    } catch (error) {
      stale.add(id)
      if (isContainerError(error)) unreadable.set(id, error.message)
      throw error
    }
  }

  return {
    known,
    /** Ids of containers to inspect. */
    stale,
    /** Moves a container to the removed ones. */
    forget,
    /** Inspects a container now. Returns `undefined` when it no longer exists; `lastKnown` still returns it then. */
    inspect,
    /** Returns the last inspection of a container, for a while even after its removal. */
    lastKnown: (id: string) => known.get(id) ?? removed.get(id),
    /** Returns the containers whose last inspection failed, with the reason. */
    unreadable: () => [...unreadable].map(([id, reason]) => ({ id, reason })),
  }
}

/** Returns whether the engine answered with an error about one container, rather than not at all. */
function isContainerError(error: unknown): error is EngineError {
  return error instanceof EngineError && error.status !== undefined
}

/** Caches images. An image never changes; its tags change only with an event of the stream. */
function createImageCache(engine: EngineApi) {
  let images = new Map<string, ImageDetails | undefined>()
  const image = async (id: string, signal: AbortSignal): Promise<ImageDetails | undefined> => {
    // An answer that arrives after a change may be older than the change.
    const current = images
    if (current.has(id)) return current.get(id)
    const details = await engine.image(id, signal)
    current.set(id, details)
    return details
  }
  return {
    /** Returns an image by its id or reference. */
    image,
    /**
     * Returns the image that the reference of a container has now, another one than the container's if the tag was
     * moved. `undefined` when the reference is an id or a digest, or no longer exists.
     */
    currentImage: async (
      { image: reference, imageId }: Pick<ContainerDetails, 'image' | 'imageId'>,
      signal: AbortSignal,
    ): Promise<ImageDetails | undefined> => {
      if (reference === '' || reference.includes('@') || isId(reference, imageId)) return undefined
      const own = await image(imageId, signal)
      const tag = /:[^/]+$/.test(reference) ? reference : `${reference}:latest`
      return own?.tags.includes(tag) ? own : image(reference, signal)
    },
    /** Drops the cached images, after a tag, pull or deletion. */
    markImagesChanged: (): void => {
      images = new Map()
    },
  }
}

/** Returns whether a reference is the id of the image, in full or abbreviated. */
function isId(reference: string, imageId: string): boolean {
  const hex = reference.replace(/^sha256:/, '')
  return /^[0-9a-f]{12,64}$/.test(hex) && imageId.replace(/^sha256:/, '').startsWith(hex)
}
