/** The part of an object that is kept for every kind. */
export interface SlimObject {
  readonly uid: string
  readonly name: string
  /** Empty for an object without a namespace. */
  readonly namespace: string
  readonly resourceVersion: string
}

/** Hashes a text with the agent's key: reveals whether the text changed, and nothing else. */
export type KeyedHash = (text: string) => string

export type Change<Slim> =
  | {
      readonly type: 'added'
      readonly object: Slim
      /** The object existed when the agent started. */
      readonly isInitial: boolean
    }
  | { readonly type: 'changed'; readonly object: Slim; readonly old: Slim }
  | {
      readonly type: 'deleted'
      /** The final state, if a watch reported it: only this state says how a pod ended. */
      readonly object: Slim | undefined
      readonly old: Slim
    }

export type ObjectStore<Slim extends SlimObject> = ReturnType<typeof createObjectStore<Slim>>

/** Stores the projection of every object, and reports changes. An object with the same version is not a change. */
export function createObjectStore<Slim extends SlimObject>(
  project: (raw: unknown) => Slim,
  onChange: (change: Change<Slim>) => void,
) {
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
    objects: objects as ReadonlyMap<string, Slim>,
    /** Number of objects that could not be read since the agent started. */
    get unreadable(): number {
      return unreadable
    },
    put: (raw: unknown): void => {
      const { uid, resourceVersion } = metadataOf(raw)
      if (typeof uid !== 'string') {
        unreadable += 1
        return
      }
      listed?.add(uid)
      const old = objects.get(uid)
      // Most objects of a repeated list are unchanged and need no projection.
      if (old !== undefined && old.resourceVersion === resourceVersion) return
      const object = read(raw)
      if (object === undefined) return
      objects.set(uid, object)
      onChange(old === undefined ? { type: 'added', object, isInitial } : { type: 'changed', object, old })
    },
    remove: (raw: unknown): void => {
      const { uid } = metadataOf(raw)
      const old = typeof uid === 'string' ? objects.get(uid) : undefined
      if (old === undefined) return
      objects.delete(old.uid)
      onChange({ type: 'deleted', object: read(raw), old })
    },
    /** Begins a list, from scratch if called again: objects that are not put until its end are removed. */
    beginListing: (): void => {
      listed = new Set()
    },
    endListing: (): void => {
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

/** Returns the version from which a watch continues after this object. */
export function resourceVersionOf(raw: unknown): string | undefined {
  const { resourceVersion } = metadataOf(raw)
  return typeof resourceVersion === 'string' && resourceVersion !== '' ? resourceVersion : undefined
}

function metadataOf(raw: unknown): { readonly uid?: unknown; readonly resourceVersion?: unknown } {
  return (raw as { readonly metadata?: object } | null | undefined)?.metadata ?? {}
}
