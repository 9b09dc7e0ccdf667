import { setTimeout as wait } from 'node:timers/promises'
import type { Gap } from '@rca/core/connector'
import type { ApiResource, KubernetesApi } from '../api/kubernetes-api.ts'
import type { Following } from '../kinds/followed-kinds.ts'
import type { KeyedHash } from '../kinds/workload/pod-template.ts'
import type { Change, SlimObject } from './object-store.ts'
import { createReflector, type Reflector } from './reflector.ts'

export interface KindFollowerOptions<Slim extends SlimObject> {
  readonly api: Pick<KubernetesApi, 'list' | 'watch'>
  readonly following: Following<Slim>
  /** None stands for all. */
  readonly namespaces: readonly string[]
  readonly keyedHash: KeyedHash
  /** Milliseconds that a watch may be silent. */
  readonly silence?: number | undefined
  readonly now: () => Date
  readonly onChange: (change: Change<Slim>) => void
}

/** Follows one kind of object: in the whole cluster with one watch, or in some namespaces with one watch each. */
export interface KindFollower<Slim> {
  /** By uid. What was last seen, where it cannot be seen. */
  readonly objects: ReadonlyMap<string, Slim>
  /** Resolves once it was listed, or could not be. Not before `use`. */
  readonly attempted: Promise<void>
  /** Follows it as this resource of the server, until `signal` aborts or another is to be used. `undefined`: the server lacks it. */
  use(resource: ApiResource | undefined, signal: AbortSignal): void
  sight(): Sight
}

/** How well a kind of object can be seen. */
export interface Sight {
  /** All of it was listed, if maybe long ago. `false` where nothing of it has ever been seen. */
  readonly isListed: boolean
  /** Objects are as they are in the cluster now. */
  readonly isCurrent: boolean
  /** What cannot be seen, and why. */
  readonly gaps: readonly (Omit<Gap, 'since'> & { readonly since?: string })[]
}

/** Follows nothing yet. */
export function createKindFollower<Slim extends SlimObject>(options: KindFollowerOptions<Slim>): KindFollower<Slim> {
  const objects = new Map<string, Slim>()
  let settle: () => void = () => undefined
  const attempted = new Promise<void>((resolve) => {
    settle = resolve
  })
  let used: { readonly resource: ApiResource; readonly stop: AbortController } | undefined
  let reflectors: readonly PlacedReflector<Slim>[] = []
  let wasListed = false

  const take = (change: Change<Slim>): void => {
    if (change.type === 'deleted') objects.delete(change.old.uid)
    else {
      // Another resource version of the same kind tells again what is known.
      const old = objects.get(change.object.uid)
      objects.set(change.object.uid, change.object)
      if (change.type === 'added' && old !== undefined) {
        if (old.resourceVersion !== change.object.resourceVersion)
          options.onChange({ type: 'changed', object: change.object, old })
        return
      }
    }
    // What is new since the kind was followed as another resource was not there when the agent came.
    options.onChange(change.type === 'added' && wasListed ? { ...change, isInitial: false } : change)
  }
  /** What went while another resource, or none, was followed is not told by anybody. */
  const forgetTheRest = (): void => {
    wasListed = true
    for (const [uid, old] of objects)
      if (!reflectors.some(({ reflector }) => reflector.objects.has(uid)))
        take({ type: 'deleted', object: undefined, old })
  }

  return {
    objects,
    attempted,
    use: (resource, signal) => {
      if (resource === undefined) {
        used?.stop.abort()
        used = undefined
        reflectors = []
        settle()
        return
      }
      if (used !== undefined && isSame(used.resource, resource)) return
      used?.stop.abort()
      const stop = new AbortController()
      signal.addEventListener('abort', () => stop.abort(), { once: true })
      used = { resource, stop }
      const places = options.namespaces.length === 0 ? [undefined] : options.namespaces
      reflectors = places.map((namespace) => reflect(options, resource, namespace, take, stop.signal))
      void Promise.all(reflectors.map(({ attempted }) => attempted)).then(settle)
      void Promise.all(reflectors.map(({ reflector }) => reflector.synced)).then(() => {
        if (!stop.signal.aborted) forgetTheRest()
      })
    },
    sight: () => ({
      isListed: reflectors.some(({ reflector }) => reflector.isSynced),
      isCurrent: reflectors.every(({ reflector }) => reflector.isSynced && reflector.blindness === undefined),
      gaps: reflectors.flatMap((reflector) => gapsOf(reflector)),
    }),
  }
}

interface PlacedReflector<Slim extends SlimObject> {
  readonly reflector: Reflector<Slim>
  readonly scope: string
  /** Resolves once it was listed, or could not be. */
  readonly attempted: Promise<void>
}

function reflect<Slim extends SlimObject>(
  { api, following, keyedHash, silence, now }: KindFollowerOptions<Slim>,
  resource: ApiResource,
  namespace: string | undefined,
  onChange: (change: Change<Slim>) => void,
  signal: AbortSignal,
): PlacedReflector<Slim> {
  let fail: () => void = () => undefined
  const failed = new Promise<void>((resolve) => {
    fail = resolve
  })
  const reflector = createReflector<Slim>({
    api,
    resource,
    namespace,
    withManagers: following.withManagers,
    ...(silence === undefined ? {} : { silence }),
    project: (raw) => following.project(raw, keyedHash),
    onChange: (change) => {
      if (!signal.aborted) onChange(change)
    },
    now,
    sleep: async (milliseconds, stopping) => {
      fail()
      await wait(milliseconds, undefined, { signal: stopping }).catch(() => undefined)
    },
  })
  void reflector.run(signal)
  const place = namespace === undefined ? '' : `/${namespace}`
  return {
    reflector,
    scope: `kubernetes:${resource.resource}${place}`,
    attempted: Promise.race([reflector.synced, failed]),
  }
}

function gapsOf<Slim extends SlimObject>({ reflector, scope }: PlacedReflector<Slim>) {
  const { blindness, unreadable } = reflector
  return [
    ...(blindness === undefined
      ? []
      : [{ scope, reason: blindness.error.message, since: blindness.since.toISOString() }]),
    ...(unreadable === 0 ? [] : [{ scope: `${scope}:unreadable`, reason: `${unreadable} objects could not be read` }]),
  ]
}

function isSame(one: ApiResource, other: ApiResource): boolean {
  return one.group === other.group && one.version === other.version
}
