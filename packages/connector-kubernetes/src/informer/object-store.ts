/** What is kept of every object, of whatever kind. */
export interface SlimObject {
  readonly uid: string
  readonly name: string
  /** Empty for what is in none. */
  readonly namespace: string
  readonly resourceVersion: string
}

/** Hashes a text with the agent's key: reveals whether the text changed, and nothing else. */
export type KeyedHash = (text: string) => string

/** What happened to an object. */
export type Change<Slim> =
  | {
      readonly type: 'added'
      readonly object: Slim
      /** It was there when the agent came. */
      readonly isInitial: boolean
    }
  | { readonly type: 'changed'; readonly object: Slim; readonly old: Slim }
  | {
      readonly type: 'deleted'
      /** As it was at its end, where that was seen: the state in which a pod ended stands only there. */
      readonly object: Slim | undefined
      readonly old: Slim
    }

export interface ObjectStore<Slim extends SlimObject> {
  readonly objects: ReadonlyMap<string, Slim>
  /** Objects that could not be read, since the agent came. */
  readonly unreadable: number
  put(raw: unknown): void
  remove(raw: unknown): void
  /** From now on everything is told once more: what is not put until {@link endListing} is gone. Again: the list begins anew. */
  beginListing(): void
  endListing(): void
}

/** Keeps the projection of every object, and tells what changes. Nothing is told twice: an object that is as it was is no change. */
export function createObjectStore<Slim extends SlimObject>(
  project: (raw: unknown) => Slim,
  onChange: (change: Change<Slim>) => void,
): ObjectStore<Slim> {
  const objects = new Map<string, Slim>()
  let listed: Set<string> | undefined
  let isInitial = true
  let unreadable = 0
  const read = (raw: unknown): Slim | undefined => {
    try {
      return project(raw)
    } catch {
      unreadable += 1
      return undefined
    }
  }
  return {
    objects,
    get unreadable() {
      return unreadable
    },
    put: (raw) => {
      const { uid, resourceVersion } = metadataOf(raw)
      if (typeof uid !== 'string') {
        unreadable += 1
        return
      }
      listed?.add(uid)
      const old = objects.get(uid)
      // Without projecting it: most of a list is as it was.
      if (old !== undefined && old.resourceVersion === resourceVersion) return
      const object = read(raw)
      if (object === undefined) return
      objects.set(uid, object)
      onChange(old === undefined ? { type: 'added', object, isInitial } : { type: 'changed', object, old })
    },
    remove: (raw) => {
      const { uid } = metadataOf(raw)
      const old = typeof uid === 'string' ? objects.get(uid) : undefined
      if (old === undefined) return
      objects.delete(old.uid)
      onChange({ type: 'deleted', object: read(raw), old })
    },
    beginListing: () => {
      listed = new Set()
    },
    endListing: () => {
      const seen = listed ?? new Set()
      listed = undefined
      isInitial = false
      for (const [uid, old] of objects) {
        if (seen.has(uid)) continue
        objects.delete(uid)
        onChange({ type: 'deleted', object: undefined, old })
      }
    },
  }
}

/** How far a watch has come with this object. */
export function resourceVersionOf(raw: unknown): string | undefined {
  const { resourceVersion } = metadataOf(raw)
  return typeof resourceVersion === 'string' && resourceVersion !== '' ? resourceVersion : undefined
}

function metadataOf(raw: unknown): { readonly uid?: unknown; readonly resourceVersion?: unknown } {
  return (raw as { readonly metadata?: object } | null | undefined)?.metadata ?? {}
}
