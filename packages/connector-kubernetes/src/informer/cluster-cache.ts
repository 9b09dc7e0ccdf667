import type { ApiResource, KubernetesApi } from '../api/kubernetes-api.ts'
import { groupVersionsOf, type KindVersions, selectKinds } from './discovered-kinds.ts'
import { type CachedKindDefinition, createKindInformer, type KindInformer, type SyncStatus } from './kind-informer.ts'
import type { Change, KeyedHash, SlimObject } from './object-store.ts'
import { replayed } from './replay.ts'

/** Interval of API discovery: servers are upgraded, and extensions come and go. */
const DISCOVERY_INTERVAL_MS = 600_000

/** Interval of API discovery while a group does not answer. */
const DISCOVERY_RETRY_INTERVAL_MS = 60_000

/** Maximum number of kinds that are listed at the same time at the start. Each holds a page in memory meanwhile. */
const MAX_CONCURRENT_LISTS = 3

/** How long the list of one kind may delay the next one. */
const LIST_TURN_TIMEOUT_MS = 10_000

/** Every kind that is discovered. Those with `project` are cached, in the order of the table. */
type KindDefinitions = Readonly<Record<string, KindVersions | CachedKindDefinition<SlimObject>>>

/** The cached part of an object, by kind. */
export type ObjectsOf<Kinds> = {
  readonly [Kind in keyof Kinds as Kinds[Kind] extends { readonly project: unknown } ? Kind : never]: Projected<
    Kinds[Kind]
  >
}

type Projected<Kind> = Kind extends { readonly project: (...parameters: never) => infer Slim } ? Slim : never

/** A change of an object of any kind. */
export type ChangeOf<Objects> = {
  [Kind in keyof Objects]: { readonly kind: Kind } & Change<Objects[Kind]>
}[keyof Objects]

/** The current objects of a cluster: every cached kind is listed once and then watched. */
export interface ClusterCache<Kinds, Objects = ObjectsOf<Kinds>> {
  /** Returns the objects of a kind by UID, as last seen. Empty for a kind that cannot be read. */
  objects<Kind extends keyof Objects>(kind: Kind): ReadonlyMap<string, Objects[Kind]>
  /** Returns the kind as the server has it, `undefined` if the server lacks it. */
  resource(kind: keyof Kinds): ApiResource | undefined
  /** Passes on every existing object as added initially, then every change. Returns a function that unsubscribes. */
  subscribe(listener: (change: ChangeOf<Objects>) => void): () => void
  /** Resolves when every kind was listed, or failed to be. Rejects when `signal` aborts. */
  listed(signal: AbortSignal): Promise<void>
  /** Returns `undefined` for a kind that is not cached: the server lacks it, or the configuration excludes it. */
  syncStatus(kind: keyof Objects): SyncStatus | undefined
  /** Returns why the server lacks a kind, `undefined` if the server has it. */
  missing(kind: keyof Kinds): string | undefined
  /** Ends every watch. Idempotent. */
  close(): void
}

interface ClusterCacheOptions<Kinds> {
  readonly api: KubernetesApi
  readonly kinds: Kinds
  /** Kinds that are not cached although they have `project`. */
  readonly excluded?: readonly (keyof Kinds)[]
  /** Empty for the whole cluster. */
  readonly namespaces: readonly string[]
  readonly keyedHash: KeyedHash
  /** Milliseconds that a watch may be silent. @default that of the reflector */
  readonly silence?: number
}

/**
 * Discovers the kinds of the server and begins to watch them.
 *
 * @throws KubernetesError when the server does not answer
 */
export async function openClusterCache<Kinds extends KindDefinitions>(
  options: ClusterCacheOptions<Kinds>,
  signal: AbortSignal,
): Promise<ClusterCache<Kinds>> {
  type Objects = ObjectsOf<Kinds>
  const { api, excluded = [], namespaces, keyedHash, silence } = options
  const kinds: KindDefinitions = options.kinds
  const closing = new AbortController()
  const listeners = new Set<(change: ChangeOf<Objects>) => void>()
  const discover = (signal: AbortSignal) => api.discover(groupVersionsOf(Object.values(kinds)), signal)
  let discovered = selectKinds(kinds, await discover(signal))

  const informers = new Map<PropertyKey, KindInformer<SlimObject>>()
  for (const [name, kind] of Object.entries(kinds)) {
    if (!('project' in kind) || excluded.includes(name)) continue
    if (kind.isClusterWide && namespaces.length > 0) continue
    const onChange = (change: Change<SlimObject>): void => {
      for (const listener of listeners) listener({ kind: name, ...change } as unknown as ChangeOf<Objects>)
    }
    informers.set(name, createKindInformer({ api, kind, namespaces, keyedHash, silence, onChange }))
  }
  const rediscover = async (): Promise<void> => {
    discovered = selectKinds(kinds, await discover(closing.signal), discovered)
    if (closing.signal.aborted) return
    for (const [name, informer] of informers) informer.use(discovered.found[name as string], closing.signal)
  }
  const listing = listInTurn(
    [...informers].map(([name, informer]) => () => {
      informer.use(discovered.found[name as string], closing.signal)
      return informer.attempted
    }),
  )
  repeatedly(
    rediscover,
    () => (discovered.isComplete ? DISCOVERY_INTERVAL_MS : DISCOVERY_RETRY_INTERVAL_MS),
    closing.signal,
  )

  return {
    objects: <Kind extends keyof Objects>(kind: Kind) =>
      (informers.get(kind)?.objects ?? new Map()) as ReadonlyMap<string, Objects[Kind]>,
    resource: (kind) => discovered.found[kind as string],
    subscribe: (listener) => {
      const existing = [...informers].map(([kind, { objects }]) => [kind, [...objects.values()]] as const)
      const { take, stop } = replayed(initialChanges<Objects>(existing), listener)
      listeners.add(take)
      return () => {
        listeners.delete(take)
        stop()
      }
    },
    listed: (aborted) => unlessAborted(listing, aborted),
    syncStatus: (kind) => (discovered.found[kind as string] === undefined ? undefined : informers.get(kind)?.status()),
    missing: (kind) => discovered.missing.find(({ name }) => name === kind)?.reason,
    close: () => closing.abort(),
  }
}

/** Creates each change when it is passed on. */
function* initialChanges<Objects>(
  existing: readonly (readonly [PropertyKey, readonly object[]])[],
): Iterable<ChangeOf<Objects>> {
  for (const [kind, objects] of existing)
    for (const object of objects) yield { kind, type: 'added', object, isInitial: true } as unknown as ChangeOf<Objects>
}

/** Repeats a task after each interval until `signal` aborts. A failure of the task changes nothing. */
function repeatedly(task: () => Promise<void>, intervalMs: () => number, signal: AbortSignal): void {
  if (signal.aborted) return
  const next = (): void => {
    signal.removeEventListener('abort', stop)
    repeatedly(task, intervalMs, signal)
  }
  const timer = setTimeout(() => void task().then(next, next), intervalMs()).unref()
  const stop = (): void => clearTimeout(timer)
  signal.addEventListener('abort', stop, { once: true })
}

/** Runs a few lists at a time, in order. */
async function listInTurn(lists: readonly (() => Promise<void>)[]): Promise<void> {
  const left = [...lists]
  const running: Promise<void>[] = []
  const next = async (): Promise<void> => {
    for (let list = left.shift(); list !== undefined; list = left.shift()) {
      const listed = list()
      running.push(listed)
      await Promise.race([listed, new Promise((resolve) => setTimeout(resolve, LIST_TURN_TIMEOUT_MS).unref())])
    }
  }
  await Promise.all(Array.from({ length: MAX_CONCURRENT_LISTS }, next))
  await Promise.all(running)
}

function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason)
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, { once: true })
    void promise.then(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    })
  })
}
