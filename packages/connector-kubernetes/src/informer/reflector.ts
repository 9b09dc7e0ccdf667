import { isExpired, KubernetesError } from '../api/errors.ts'
import type { ApiResource, KubernetesApi, Selection, WatchEvent } from '../api/kubernetes-api.ts'
import { waitAfter } from './backoff.ts'
import { type Change, createObjectStore, type ObjectStore, resourceVersionOf, type SlimObject } from './object-store.ts'

/** How long a watch has to last so that its end is not held against it, whatever ended it, in milliseconds. */
const HEALTHY = 10_000

/** How long to wait before everything is listed again where nothing may be watched, in milliseconds, give or take a quarter. */
const POLLING = 60_000

export interface ReflectorOptions<Slim extends SlimObject> extends Selection {
  readonly api: Pick<KubernetesApi, 'list' | 'watch'>
  readonly resource: ApiResource
  /** What is kept of an object. Throws when it cannot be read. */
  project(raw: unknown): Slim
  /** Told in order. Must not throw. */
  onChange?(change: Change<Slim>): void
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

/** What cannot be seen, and since when. */
export interface Blindness {
  readonly error: Error
  readonly since: Date
}

/** Keeps one kind of object as it is in the cluster. */
export interface Reflector<Slim extends SlimObject> {
  /** By uid. What was last seen, where it is blind. */
  readonly objects: ReadonlyMap<string, Slim>
  /** Resolves once everything has been listed. */
  readonly synced: Promise<void>
  readonly isSynced: boolean
  /** Why it cannot see, `undefined` while it does. */
  readonly blindness: Blindness | undefined
  /** Objects that could not be read, so far. */
  readonly unreadable: number
  /** Follows until `signal` aborts. Never rejects: what goes wrong is {@link blindness}, and is tried again. */
  run(signal: AbortSignal): Promise<void>
}

interface Progress {
  /** How far it has come: a watch goes on from there. Without it everything is listed. */
  from: string | undefined
  failures: number
  blindness: Blindness | undefined
  /** When the server last said something. */
  sawLast: Date
  /** When the watch of this attempt was opened. */
  openedAt: Date | undefined
}

/**
 * Lists once, page by page, and then watches. Projects each object before it keeps it. Where listing is allowed and watching is not it
 * lists every minute, and is blind all the same: what came and went in between was never seen.
 */
export function createReflector<Slim extends SlimObject>(options: ReflectorOptions<Slim>): Reflector<Slim> {
  const { sleep, now, random = Math.random } = options
  const store = createObjectStore(options.project, options.onChange ?? (() => undefined))
  const progress: Progress = { from: undefined, failures: 0, blindness: undefined, sawLast: now(), openedAt: undefined }
  let sync: () => void = () => undefined
  const synced = new Promise<void>((resolve) => {
    sync = resolve
  })
  let isSynced = false
  const attempt = async (signal: AbortSignal): Promise<void> => {
    if (progress.from === undefined) {
      progress.from = await listInto(store, options, signal)
      isSynced = true
      sync()
    }
    await follow(store, progress, options, signal)
  }
  const learn = (error: unknown): void => {
    if (isExpired(error) || mayNotWatch(error)) progress.from = undefined
    const lasted = progress.openedAt === undefined ? 0 : now().getTime() - progress.openedAt.getTime()
    if (lasted >= HEALTHY) progress.failures = 0
    // Servers end every watch after a while: nothing is missed, it goes on from where it was.
    if (isExpected(error)) return
    const failure = error instanceof Error ? error : new Error(String(error))
    progress.blindness = { error: failure, since: progress.blindness?.since ?? progress.sawLast }
  }
  return {
    objects: store.objects,
    synced,
    get isSynced() {
      return isSynced
    },
    get blindness() {
      return progress.blindness
    },
    get unreadable() {
      return store.unreadable
    },
    run: async (signal) => {
      while (!signal.aborted) {
        progress.openedAt = undefined
        try {
          await attempt(signal)
        } catch (error) {
          if (signal.aborted) return
          learn(error)
          progress.failures += 1
          const wait = mayNotWatch(error) ? POLLING * (0.75 + random() / 2) : waitAfter(progress.failures, random)
          await sleep(Math.max(wait, retryAfter(error)), signal)
        }
      }
    },
  }
}

async function listInto<Slim extends SlimObject>(
  store: ObjectStore<Slim>,
  { api, resource, namespace, labelSelector, fieldSelector, withManagers, limit }: ReflectorOptions<Slim>,
  signal: AbortSignal,
): Promise<string> {
  store.beginListing()
  const resourceVersion = await api.list(
    resource,
    {
      namespace,
      labelSelector,
      fieldSelector,
      withManagers,
      limit,
      onItems: (items) => {
        for (const item of items) store.put(item)
      },
      onRestart: store.beginListing,
    },
    signal,
  )
  store.endListing()
  return resourceVersion
}

/** Ends by rejecting. */
async function follow<Slim extends SlimObject>(
  store: ObjectStore<Slim>,
  progress: Progress,
  { api, resource, namespace, labelSelector, fieldSelector, withManagers, silence, now }: ReflectorOptions<Slim>,
  signal: AbortSignal,
): Promise<void> {
  const watch = {
    namespace,
    labelSelector,
    fieldSelector,
    withManagers,
    silence,
    resourceVersion: progress.from ?? '',
    onOpen: () => {
      progress.openedAt = now()
      progress.sawLast = progress.openedAt
      progress.blindness = undefined
    },
    onEvent: (event: WatchEvent) => {
      take(store, event)
      progress.from = resourceVersionOf(event.object) ?? progress.from
      progress.failures = 0
      progress.sawLast = now()
    },
  }
  for await (const event of api.watch(resource, watch, signal)) watch.onEvent(event)
}

function take<Slim extends SlimObject>(store: ObjectStore<Slim>, { type, object }: WatchEvent): void {
  if (type === 'DELETED') store.remove(object)
  else if (type !== 'BOOKMARK') store.put(object)
}

/** Not a failure, and not blind: the next attempt sees all that happened meanwhile. */
function isExpected(error: unknown): boolean {
  return isExpired(error) || (error instanceof KubernetesError && error.reason === 'WatchEnded')
}

/** Listing was allowed, or it would not have come this far. */
function mayNotWatch(error: unknown): boolean {
  return error instanceof KubernetesError && error.status === 403 && error.permission?.verb === 'watch'
}

function retryAfter(error: unknown): number {
  return error instanceof KubernetesError ? (error.retryAfter ?? 0) * 1000 : 0
}
