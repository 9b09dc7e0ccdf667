import type { ApiResource, KubernetesApi } from '../api/kubernetes-api.ts'
import type { Change } from '../api/object-store.ts'
import { findKinds, type KindName, wantedGroupVersions } from '../api/resources.ts'
import type { Fingerprint } from '../resources/pod-template.ts'
import { type FollowedKind, followedKinds, type ObjectsByKind } from './followed-kinds.ts'
import { createKindFollower, type KindFollower, type Sight } from './kind-follower.ts'

/** How often the server is asked anew what it has, in milliseconds: servers are upgraded, and extensions come and go. */
const REDISCOVER = 600_000

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
  readonly fingerprint: Fingerprint
  readonly now?: () => Date
}

/** Asks the server what it has and begins to follow it. @throws KubernetesError when it does not answer. */
export async function openCluster(options: ClusterOptions, signal: AbortSignal): Promise<Cluster> {
  const { api, namespaces, withSecrets, fingerprint, now = () => new Date() } = options
  const closing = new AbortController()
  const listeners = new Set<ChangeListener>()
  let { found, missing } = findKinds(await api.discover(wantedGroupVersions(), signal))
  const kindNames = (Object.keys(followedKinds) as FollowedKind[]).filter(
    (kind) => (kind !== 'secrets' || withSecrets) && !(followedKinds[kind].isClusterWide && namespaces.length > 0),
  )
  const follower = <Kind extends FollowedKind>(kind: Kind): KindFollower<ObjectsByKind[Kind]> =>
    createKindFollower<ObjectsByKind[Kind]>({
      api,
      following: followedKinds[kind],
      namespaces,
      fingerprint,
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
    ;({ found, missing } = findKinds(await api.discover(wantedGroupVersions(), closing.signal)))
    for (const [kind, one] of each()) one.use(found[kind], closing.signal)
  }
  const listing = listInTurn(
    each().map(([kind, one]) => () => {
      one.use(found[kind], closing.signal)
      return one.attempted
    }),
  )
  const timer = setInterval(() => void rediscover().catch(() => undefined), REDISCOVER).unref()
  closing.signal.addEventListener('abort', () => clearInterval(timer))

  return {
    objects: <Kind extends FollowedKind>(kind: Kind) =>
      (followers[kind] as KindFollower<ObjectsByKind[Kind]> | undefined)?.objects ?? new Map(),
    resource: (kind) => found[kind],
    follow: (listener) => {
      for (const [kind, one] of each())
        for (const object of one.objects.values())
          listener({ kind, type: 'added', object, isInitial: true } as unknown as ClusterChange)
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    listed: (aborted) => unlessAborted(listing, aborted),
    sight: (kind) => (found[kind] === undefined ? undefined : followers[kind]?.sight()),
    missing: (kind) => missing.find(({ name }) => name === kind)?.reason,
    close: () => closing.abort(),
  }
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
