import type { ApiResource, KubernetesApi } from '../api/kubernetes-api.ts'
import { type FollowedKind, followedKinds, type ObjectsByKind } from '../kinds/followed-kinds.ts'
import { type KindName, wantedGroupVersions } from '../kinds/index.ts'
import type { KeyedHash } from '../kinds/workload/pod-template.ts'
import { discovered } from './discovered-kinds.ts'
import { createKindFollower, type KindFollower, type Sight } from './kind-informer.ts'
import type { Change } from './object-store.ts'
import { replayed } from './replay.ts'

/** How often the server is asked anew what it has, in milliseconds: servers are upgraded, and extensions come and go. */
const REDISCOVER = 600_000

/** The same where a group of it did not answer. */
const REDISCOVER_SOON = 60_000

/** Kinds that are listed at the same time at the start. Each holds pages in memory while it lists. */
const CONCURRENCY = 3

/** How long the listing of one kind may keep the next ones waiting, in milliseconds. */
const PATIENCE = 10_000

/** Something that happened to an object, of whatever kind. */
export type ClusterChange = {
  [Kind in FollowedKind]: { readonly kind: Kind } & Change<ObjectsByKind[Kind]>
}[FollowedKind]

/** Takes what happens. Must not throw. */
export type ChangeListener = (change: ClusterChange) => void

/** What a cluster consists of, as it is now: every followed kind is listed once and then watched. */
export interface Cluster {
  /** Objects of a kind by uid, as they were last seen. Empty for a kind that cannot be seen. */
  objects<Kind extends FollowedKind>(kind: Kind): ReadonlyMap<string, ObjectsByKind[Kind]>
  /** The kind as the server has it, `undefined` where it lacks it. */
  resource(kind: KindName): ApiResource | undefined
  /** Tells first what is there already, as added initially, and then what happens. Returns what ends it. */
  follow(listener: ChangeListener): () => void
  /** Resolves when every kind was listed, or failed to be. Rejects when `signal` aborts. */
  listed(signal: AbortSignal): Promise<void>
  /** How well a kind can be seen. `undefined` for what is not followed, since the server lacks it or nobody may. */
  sight(kind: FollowedKind): Sight | undefined
  /** Why the server lacks a kind, `undefined` where it has it. */
  missing(kind: KindName): string | undefined
  /** Ends every watch. Idempotent. */
  close(): void
}

export interface ClusterOptions {
  readonly api: KubernetesApi
  /** None stands for the whole cluster. */
  readonly namespaces: readonly string[]
  readonly withSecrets: boolean
  readonly keyedHash: KeyedHash
  /** Milliseconds that a watch may be silent. @default what the reflector allows */
  readonly silence?: number
  readonly now?: () => Date
}

/** Asks the server what it has and begins to follow it. @throws KubernetesError when it does not answer. */
export async function openCluster(options: ClusterOptions, signal: AbortSignal): Promise<Cluster> {
  const { api, namespaces, withSecrets, keyedHash, silence, now = () => new Date() } = options
  const closing = new AbortController()
  const listeners = new Set<ChangeListener>()
  let kinds = discovered(await api.discover(wantedGroupVersions(), signal))
  const kindNames = (Object.keys(followedKinds) as FollowedKind[]).filter(
    (kind) => (kind !== 'secrets' || withSecrets) && !(followedKinds[kind].isClusterWide && namespaces.length > 0),
  )
  const follower = <Kind extends FollowedKind>(kind: Kind): KindFollower<ObjectsByKind[Kind]> =>
    createKindFollower<ObjectsByKind[Kind]>({
      api,
      following: followedKinds[kind],
      namespaces,
      keyedHash,
      silence,
      now,
      onChange: (change) => {
        for (const listener of listeners) listener({ kind, ...change } as unknown as ClusterChange)
      },
    })
  const followers = Object.fromEntries(kindNames.map((kind) => [kind, follower(kind)])) as {
    readonly [Kind in FollowedKind]?: KindFollower<ObjectsByKind[Kind]>
  }
  const each = (): [FollowedKind, KindFollower<ObjectsByKind[FollowedKind]>][] =>
    kindNames.map((kind) => [kind, followers[kind] as KindFollower<ObjectsByKind[FollowedKind]>])

  const rediscover = async (): Promise<void> => {
    kinds = discovered(await api.discover(wantedGroupVersions(), closing.signal), kinds)
    if (!closing.signal.aborted) for (const [kind, one] of each()) one.use(kinds.found[kind], closing.signal)
  }
  const listing = listInTurn(
    each().map(([kind, one]) => () => {
      one.use(kinds.found[kind], closing.signal)
      return one.attempted
    }),
  )
  again(rediscover, () => (kinds.isWhole ? REDISCOVER : REDISCOVER_SOON), closing.signal)

  return {
    objects: <Kind extends FollowedKind>(kind: Kind) =>
      (followers[kind] as KindFollower<ObjectsByKind[Kind]> | undefined)?.objects ?? new Map(),
    resource: (kind) => kinds.found[kind],
    follow: (listener) => {
      const there = each().map(([kind, one]) => [kind, [...one.objects.values()]] as const)
      const { take, stop } = replayed(initially(there), listener)
      listeners.add(take)
      return () => {
        listeners.delete(take)
        stop()
      }
    },
    listed: (aborted) => unlessAborted(listing, aborted),
    sight: (kind) => (kinds.found[kind] === undefined ? undefined : followers[kind]?.sight()),
    missing: (kind) => kinds.missing.find(({ name }) => name === kind)?.reason,
    close: () => closing.abort(),
  }
}

/** What is there as changes, each made when it is told. */
function* initially(there: readonly (readonly [FollowedKind, readonly object[]])[]): Iterable<ClusterChange> {
  for (const [kind, objects] of there)
    for (const object of objects) yield { kind, type: 'added', object, isInitial: true } as unknown as ClusterChange
}

/** Does something after so many milliseconds, and again and again, until `signal` aborts. That it fails changes nothing. */
function again(work: () => Promise<void>, milliseconds: () => number, signal: AbortSignal): void {
  if (signal.aborted) return
  const next = (): void => {
    signal.removeEventListener('abort', stop)
    again(work, milliseconds, signal)
  }
  const timer = setTimeout(() => void work().then(next, next), milliseconds()).unref()
  const stop = (): void => clearTimeout(timer)
  signal.addEventListener('abort', stop, { once: true })
}

/** A few at a time, in order. */
async function listInTurn(lists: readonly (() => Promise<void>)[]): Promise<void> {
  const left = [...lists]
  const running: Promise<void>[] = []
  const next = async (): Promise<void> => {
    for (let list = left.shift(); list !== undefined; list = left.shift()) {
      const listed = list()
      running.push(listed)
      await Promise.race([listed, new Promise((resolve) => setTimeout(resolve, PATIENCE).unref())])
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, next))
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
