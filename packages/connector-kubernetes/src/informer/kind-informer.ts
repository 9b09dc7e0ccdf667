import { setTimeout as wait } from 'node:timers/promises'
import type { ApiResource } from '../api/kubernetes-api.ts'
import type { KindVersions } from './discovered-kinds.ts'
import type { Change, KeyedHash, SlimObject } from './object-store.ts'
import { createReflector, type Reflector, type ReflectorOptions } from './reflector.ts'

/** A kind whose objects are cached. */
export interface CachedKindDefinition<Slim> extends KindVersions {
  /** Returns the part of an object that is kept. Throws if the object cannot be read. */
  readonly project: (raw: unknown, keyedHash: KeyedHash) => Slim
  /** Requests `managedFields` too. */
  readonly withManagers?: true
  /** Objects of this kind have no namespace: a Role cannot grant access to them. */
  readonly isClusterWide?: true
}

interface KindInformerOptions<Slim extends SlimObject>
  extends Pick<ReflectorOptions<Slim>, 'api' | 'silence' | 'onChange'> {
  readonly kind: CachedKindDefinition<Slim>
  /** Empty for all namespaces. */
  readonly namespaces: readonly string[]
  readonly keyedHash: KeyedHash
}

/** Keeps one kind in sync: with one watch on the whole cluster, or with one watch per namespace. */
export interface KindInformer<Slim> {
  /** By UID. Keeps the last known objects while the kind cannot be watched. */
  readonly objects: ReadonlyMap<string, Slim>
  /** Resolves when the first list succeeded or failed. Pending until `use` is called. */
  readonly attempted: Promise<void>
  /** Watches this resource until `signal` aborts or another one is passed. `undefined`: the server lacks the kind. */
  use(resource: ApiResource | undefined, signal: AbortSignal): void
  status(): SyncStatus
}

/** How well a kind is in sync with the cluster. */
export interface SyncStatus {
  /** The kind was listed completely at least once. */
  readonly isListed: boolean
  /** Every watch works: the cached objects are those of the cluster. */
  readonly isCurrent: boolean
  /** Namespaces that were never listed. Empty if one watch is on the whole cluster. */
  readonly unlisted: readonly string[]
  readonly gaps: readonly { readonly scope: string; readonly reason: string; readonly since?: string }[]
}

/** Watches nothing until `use` is called. */
export function createKindInformer<Slim extends SlimObject>(options: KindInformerOptions<Slim>): KindInformer<Slim> {
  const objects = new Map<string, Slim>()
  let settle: () => void = () => undefined
  const attempted = new Promise<void>((resolve) => {
    settle = resolve
  })
  let used: { readonly resource: ApiResource; readonly stop: AbortController } | undefined
  let reflectors: readonly ScopedReflector<Slim>[] = []
  let wasListed = false

  const apply = (change: Change<Slim>): void => {
    if (change.type === 'deleted') objects.delete(change.old.uid)
    else {
      const old = objects.get(change.object.uid)
      objects.set(change.object.uid, change.object)
      // A watch on another version of the same kind lists known objects again.
      if (change.type === 'added' && old !== undefined) {
        if (old.resourceVersion !== change.object.resourceVersion)
          options.onChange({ type: 'changed', object: change.object, old })
        return
      }
    }
    // Objects that appear after the first list are not initial, even if they come with the list of another version.
    options.onChange(change.type === 'added' && wasListed ? { ...change, isInitial: false } : change)
  }
  /** No watch reported objects that were deleted while another resource, or none, was watched. */
  const dropUnlisted = (): void => {
    wasListed = true
    for (const [uid, old] of objects)
      if (!reflectors.some(({ reflector }) => reflector.objects.has(uid)))
        apply({ type: 'deleted', object: undefined, old })
  }

  return {
    objects,
    attempted,
    use: (resource, signal) => {
      if (resource !== undefined && used !== undefined && isSameVersion(used.resource, resource)) return
      used?.stop.abort()
      if (resource === undefined) {
        used = undefined
        reflectors = []
        settle()
        return
      }
      const stop = new AbortController()
      signal.addEventListener('abort', () => stop.abort(), { once: true })
      used = { resource, stop }
      const scopes = options.namespaces.length === 0 ? [undefined] : options.namespaces
      reflectors = scopes.map((namespace) => reflect(options, resource, namespace, apply, stop.signal))
      void Promise.all(reflectors.map(({ attempted }) => attempted)).then(settle)
      void Promise.all(reflectors.map(({ reflector }) => reflector.synced)).then(() => {
        if (!stop.signal.aborted) dropUnlisted()
      })
    },
    status: () => ({
      isListed: reflectors.some(({ reflector }) => reflector.isSynced),
      isCurrent: reflectors.every(({ reflector }) => reflector.isSynced && reflector.watchError === undefined),
      unlisted: reflectors.flatMap(({ reflector, namespace }) =>
        reflector.isSynced || namespace === undefined ? [] : [namespace],
      ),
      gaps: reflectors.flatMap(gapsOf),
    }),
  }
}

interface ScopedReflector<Slim extends SlimObject> {
  readonly reflector: Reflector<Slim>
  readonly scope: string
  /** `undefined` for the whole cluster. */
  readonly namespace: string | undefined
  /** Resolves when the first list succeeded or failed. */
  readonly attempted: Promise<void>
}

function reflect<Slim extends SlimObject>(
  { api, kind, keyedHash, silence }: KindInformerOptions<Slim>,
  resource: ApiResource,
  namespace: string | undefined,
  onChange: (change: Change<Slim>) => void,
  signal: AbortSignal,
): ScopedReflector<Slim> {
  let fail: () => void = () => undefined
  const failed = new Promise<void>((resolve) => {
    fail = resolve
  })
  const reflector = createReflector<Slim>({
    api,
    resource,
    namespace,
    withManagers: kind.withManagers,
    silence,
    project: (raw) => kind.project(raw, keyedHash),
    onChange: (change) => {
      if (!signal.aborted) onChange(change)
    },
    now: () => new Date(),
    sleep: async (milliseconds, stopping) => {
      fail()
      await wait(milliseconds, undefined, { signal: stopping }).catch(() => undefined)
    },
  })
  void reflector.run(signal)
  const place = namespace === undefined ? '' : `/${namespace}`
  const attempted = Promise.race([reflector.synced, failed])
  return { reflector, scope: `kubernetes:${resource.resource}${place}`, namespace, attempted }
}

function gapsOf<Slim extends SlimObject>({ reflector, scope }: ScopedReflector<Slim>): SyncStatus['gaps'] {
  const { watchError, unreadable } = reflector
  const gaps: SyncStatus['gaps'][number][] = []
  if (watchError !== undefined)
    gaps.push({ scope, reason: watchError.error.message, since: watchError.since.toISOString() })
  if (unreadable > 0) gaps.push({ scope: `${scope}:unreadable`, reason: `${unreadable} objects could not be read` })
  return gaps
}

function isSameVersion(one: ApiResource, other: ApiResource): boolean {
  return one.group === other.group && one.version === other.version
}
