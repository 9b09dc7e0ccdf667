import { supervise } from '@rca/core/connector'
import { isExpired, KubernetesError } from '../api/errors.ts'
import type { ApiResource, KubernetesApi, Selection, WatchEvent } from '../api/kubernetes-api.ts'
import { type Change, createObjectStore, type ObjectStore, resourceVersionOf, type SlimObject } from './object-store.ts'

/** A watch that lasted this long resets the backoff, however it ended. */
const HEALTHY_WATCH_MS = 10_000

/** Interval of lists where watching is forbidden, with a jitter of 25 %. */
const POLL_INTERVAL_MS = 60_000

const MIN_BACKOFF_MS = 500
const MAX_BACKOFF_MS = 30_000

export interface ReflectorOptions<Slim extends SlimObject> extends Selection {
  readonly api: Pick<KubernetesApi, 'list' | 'watch'>
  readonly resource: ApiResource
  /** Returns the part of an object that is kept. Throws if the object cannot be read. */
  project(raw: unknown): Slim
  /** Called in order. Must not throw. */
  onChange(change: Change<Slim>): void
  /** Waits so many milliseconds, or until `signal` aborts. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>
  now(): Date
  /** Between 0 and 1. @default Math.random */
  random?(): number
  /** Milliseconds that a watch may be silent. @default 90_000 */
  readonly silence?: number
  /** Objects in a page. @default 500 */
  readonly limit?: number
}

/** Why a kind cannot be watched, and since when its objects may be stale. */
export interface WatchError {
  readonly error: Error
  readonly since: Date
}

/** Keeps the objects of one kind in sync with the cluster. */
export interface Reflector<Slim extends SlimObject> {
  /** By UID. Keeps the last known objects while the kind cannot be watched. */
  readonly objects: ReadonlyMap<string, Slim>
  /** Resolves when the first list is complete. */
  readonly synced: Promise<void>
  readonly isSynced: boolean
  /** `undefined` while the watch works. */
  readonly watchError: WatchError | undefined
  readonly unreadable: number
  /** Lists and watches until `signal` aborts. Never rejects: a failure becomes {@link watchError} and is retried. */
  run(signal: AbortSignal): Promise<void>
}

interface Progress {
  /** `resourceVersion` from which the next watch continues. `undefined`: list first. */
  from: string | undefined
  watchError: WatchError | undefined
  lastContactAt: Date
  /** When the watch of this attempt was opened. */
  openedAt: Date | undefined
}

/**
 * Lists once, page by page, and then watches. Projects each object before storing it. If listing is allowed but
 * watching is not, it lists every minute and keeps its watch error: objects that came and went between two lists were
 * missed.
 */
export function createReflector<Slim extends SlimObject>(options: ReflectorOptions<Slim>): Reflector<Slim> {
  const { sleep, now, random = Math.random } = options
  const store = createObjectStore(options.project, options.onChange)
  const progress: Progress = { from: undefined, watchError: undefined, lastContactAt: now(), openedAt: undefined }
  let sync: () => void = () => undefined
  const synced = new Promise<void>((resolve) => {
    sync = resolve
  })
  let isSynced = false
  const attempt = async (signal: AbortSignal, settle: () => void): Promise<void> => {
    progress.openedAt = undefined
    if (progress.from === undefined) {
      progress.from = await listInto(store, options, signal)
      isSynced = true
      sync()
    }
    try {
      await watchInto(store, progress, settle, options, signal)
    } catch (error) {
      if (now().getTime() - (progress.openedAt ?? now()).getTime() >= HEALTHY_WATCH_MS) settle()
      throw error
    }
  }
  const recordFailure = (error: unknown): void => {
    if (isExpired(error) || isWatchForbidden(error)) progress.from = undefined
    if (isExpected(error)) return
    const failure = error instanceof Error ? error : new Error(String(error))
    progress.watchError = { error: failure, since: progress.watchError?.since ?? progress.lastContactAt }
  }
  return {
    objects: store.objects,
    synced,
    get isSynced() {
      return isSynced
    },
    get watchError() {
      return progress.watchError
    },
    get unreadable() {
      return store.unreadable
    },
    run: (signal) => {
      const backoff = (failures: number, error: unknown): number => {
        const wait = isWatchForbidden(error) ? POLL_INTERVAL_MS * (0.75 + random() / 2) : backoffAfter(failures, random)
        return Math.max(wait, retryAfterMs(error))
      }
      return supervise(attempt, { backoff, onFailure: ({ error }) => recordFailure(error), sleep }, signal)
    },
  }
}

async function listInto<Slim extends SlimObject>(
  store: ObjectStore<Slim>,
  { api, resource, namespace, withManagers, limit }: ReflectorOptions<Slim>,
  signal: AbortSignal,
): Promise<string> {
  store.beginListing()
  const onItems = (items: readonly unknown[]): void => {
    for (const item of items) store.put(item)
  }
  const list = { namespace, withManagers, limit, onItems, onRestart: store.beginListing }
  const resourceVersion = await api.list(resource, list, signal)
  store.endListing()
  return resourceVersion
}

function watchInto<Slim extends SlimObject>(
  store: ObjectStore<Slim>,
  progress: Progress,
  settle: () => void,
  { api, resource, namespace, withManagers, silence, now }: ReflectorOptions<Slim>,
  signal: AbortSignal,
): Promise<never> {
  const watch = {
    namespace,
    withManagers,
    silence,
    resourceVersion: progress.from ?? '',
    onOpen: () => {
      progress.openedAt = now()
      progress.lastContactAt = progress.openedAt
      progress.watchError = undefined
    },
    onEvent: ({ type, object }: WatchEvent) => {
      if (type === 'DELETED') store.remove(object)
      else if (type !== 'BOOKMARK') store.put(object)
      progress.from = resourceVersionOf(object) ?? progress.from
      settle()
      progress.lastContactAt = now()
    },
  }
  return api.watch(resource, watch, signal)
}

/**
 * Returns the milliseconds to wait after so many failures in a row: half of a bound that doubles with each failure,
 * plus a random part of the other half, so that a request that fails immediately is not repeated without a pause.
 */
function backoffAfter(failures: number, random: () => number): number {
  const bound = Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** Math.min(failures - 1, 10))
  return bound / 2 + (bound / 2) * random()
}

/** Servers end every watch after a while. The next attempt continues from the same version, or lists. */
function isExpected(error: unknown): boolean {
  return isExpired(error) || (error instanceof KubernetesError && error.reason === 'WatchEnded')
}

/** Listing is allowed, or the watch would not have been tried. */
function isWatchForbidden(error: unknown): boolean {
  return error instanceof KubernetesError && error.status === 403 && error.permission?.verb === 'watch'
}

function retryAfterMs(error: unknown): number {
  return error instanceof KubernetesError ? (error.retryAfter ?? 0) * 1000 : 0
}
