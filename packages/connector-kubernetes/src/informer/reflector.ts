import { supervise } from '@rca/core/connector'
import { isExpired, KubernetesError } from '../api/errors.ts'
import type {
  ApiResource,
  KubernetesApi,
  ListOptions,
  Selection,
  WatchEvent,
  WatchOptions,
} from '../api/kubernetes-api.ts'
import { type Change, createObjectStore, type ObjectStore, resourceVersionOf, type SlimObject } from './object-store.ts'

/** A watch that lasted this long resets the backoff, however it ended. */
const HEALTHY_WATCH_MS = 10_000

/** Interval of lists where watching is forbidden, with a jitter of 25 %. */
const POLL_INTERVAL_MS = 60_000

const MIN_BACKOFF_MS = 500
const MAX_BACKOFF_MS = 30_000

/** The same after a refusal, which costs the server little. The permission may be granted at any time. */
const MAX_REFUSED_BACKOFF_MS = 15_000

export interface ReflectorOptions<Slim extends SlimObject>
  extends Selection,
    Pick<ListOptions, 'limit'>,
    Pick<WatchOptions, 'silence'> {
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

/**
 * Lists once, page by page, and then watches. Projects each object before storing it. If listing is allowed but
 * watching is not, it lists every minute and keeps its watch error: objects that came and went between two lists were
 * missed. After a watch without any data, it lists again: if something was changed twice in a row, watches are held
 * back, for example by a proxy, which is a watch error as well.
 */
export function createReflector<Slim extends SlimObject>(options: ReflectorOptions<Slim>): Reflector<Slim> {
  const { api, resource, namespace, withManagers, silence, sleep, now, random = Math.random } = options
  let changes = 0
  const store = createObjectStore(options.project, (change: Change<Slim>) => {
    changes += 1
    options.onChange(change)
  })
  /** True if the last watch delivered nothing. */
  let wasSilent = false
  /** Number of watches in a row that delivered nothing although objects were changed before the next list. */
  let silentChanges = 0
  /** `resourceVersion` from which the next watch continues. `undefined`: list first. */
  let from: string | undefined
  let watchError: WatchError | undefined
  /** One change may have come just between a watch and the list after it. */
  const isHeldBack = (): boolean => silentChanges > 1
  let lastContactAt = now()
  let isSynced = false
  let sync: () => void = () => undefined
  const synced = new Promise<void>((resolve) => {
    sync = resolve
  })
  const attempt = async (signal: AbortSignal, settle: () => void): Promise<void> => {
    if (from === undefined) {
      const before = changes
      from = await listInto(store, options, signal)
      isSynced = true
      sync()
      if (wasSilent) silentChanges = changes > before ? silentChanges + 1 : 0
      if (isHeldBack()) watchError = { error: heldBack(resource), since: lastContactAt }
      wasSilent = false
    }
    let openedAt: Date | undefined
    const onOpen = (): void => {
      openedAt = now()
      lastContactAt = openedAt
      if (!isHeldBack()) watchError = undefined
    }
    const onEvent = ({ type, object }: WatchEvent): void => {
      if (type === 'DELETED') store.remove(object)
      else if (type !== 'BOOKMARK') store.put(object)
      from = resourceVersionOf(object) ?? from
      settle()
      lastContactAt = now()
      if (isHeldBack()) watchError = undefined
      silentChanges = 0
    }
    try {
      await api.watch(resource, { namespace, withManagers, silence, resourceVersion: from, onOpen, onEvent }, signal)
    } catch (error) {
      if (now().getTime() - (openedAt ?? now()).getTime() >= HEALTHY_WATCH_MS) settle()
      throw error
    }
  }
  const backoff = (failures: number, error: unknown): number => backoffAfter(failures, error, random)
  const onFailure = ({ error }: { readonly error: unknown }): void => {
    wasSilent = hasReason(error, 'SilentFromStart')
    if (isExpired(error) || isWatchForbidden(error) || hasReason(error, 'Damaged') || wasSilent) from = undefined
    if (isExpected(error)) return
    const since = watchError?.since ?? lastContactAt
    watchError = { error: error instanceof Error ? error : new Error(String(error)), since }
  }
  return {
    objects: store.objects,
    synced,
    get isSynced() {
      return isSynced
    },
    get watchError() {
      return watchError
    },
    get unreadable() {
      return store.unreadable
    },
    run: (signal) => supervise(attempt, { backoff, onFailure, sleep }, signal),
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
  const options = { namespace, withManagers, limit, onItems, onRestart: store.beginListing }
  const resourceVersion = await api.list(resource, options, signal)
  store.endListing()
  return resourceVersion
}

/**
 * Returns the milliseconds to wait after so many failures in a row: half of a bound that doubles with each failure,
 * plus a random part of the other half, so that a request that fails immediately is not repeated without a pause. At
 * least as long as the server asks for.
 */
function backoffAfter(failures: number, error: unknown, random: () => number): number {
  const isRefused = error instanceof KubernetesError && error.status === 403
  const bound = Math.min(
    isRefused ? MAX_REFUSED_BACKOFF_MS : MAX_BACKOFF_MS,
    MIN_BACKOFF_MS * 2 ** Math.min(failures - 1, 10),
  )
  // The first time, listing may be forbidden by now, too.
  const isPolled = isWatchForbidden(error) && failures > 1
  const wait = isPolled ? POLL_INTERVAL_MS * (0.75 + random() / 2) : (bound / 2) * (1 + random())
  const retryAfter = error instanceof KubernetesError ? (error.retryAfter ?? 0) : 0
  return Math.max(wait, retryAfter * 1000)
}

/** Servers end every watch after a while. The next attempt continues from the same version, or lists. */
function isExpected(error: unknown): boolean {
  return isExpired(error) || hasReason(error, 'WatchEnded') || hasReason(error, 'SilentFromStart')
}

function hasReason(error: unknown, reason: string): boolean {
  return error instanceof KubernetesError && error.reason === reason
}

function heldBack({ resource }: ApiResource): Error {
  return new Error(
    `Watching ${resource} delivers nothing although they change: something between the agent and the API server, such as a proxy, holds the answer back`,
  )
}

/** Listing is allowed, or the watch would not have been tried. */
function isWatchForbidden(error: unknown): boolean {
  return error instanceof KubernetesError && error.status === 403 && error.permission?.verb === 'watch'
}
