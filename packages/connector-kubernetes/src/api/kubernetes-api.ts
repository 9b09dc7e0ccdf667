/** A version of an API group. The core group has an empty name. */
export interface GroupVersion {
  readonly group: string
  readonly version: string
}

/** A kind of object as the server has it. */
export interface ApiResource extends GroupVersion {
  /** Plural name in paths: `pods`. */
  readonly resource: string
  readonly kind: string
  readonly isNamespaced: boolean
  readonly verbs: readonly string[]
  /** Requests only metadata: the server then sends nothing else. */
  readonly isMetadataOnly?: boolean | undefined
  /** The server sends no bookmarks: a watch without changes is silent. */
  readonly hasNoBookmarks?: boolean | undefined
}

export interface Discovery {
  readonly resources: readonly ApiResource[]
  /** Groups that the server has but that do not answer, such as those of an extension that is down. */
  readonly failures: readonly (GroupVersion & { readonly error: Error })[]
}

/** Selects objects of a kind. */
export interface Selection {
  /** @default all namespaces */
  readonly namespace?: string | undefined
  /** Includes `managedFields`, which name the writers of an object and are half of its size. @default false */
  readonly withManagers?: boolean | undefined
}

export interface ListOptions extends Selection {
  /** Objects in a page. @default 500 */
  readonly limit?: number | undefined
  /** Called with a few objects at a time, to be projected and dropped: a page is never in memory as a whole. */
  onItems(items: readonly unknown[]): void
  /** Called when the list expires between two pages and starts from scratch: objects may no longer exist. */
  onRestart?(): void
}

export interface WatchOptions extends Selection {
  /** The watch begins after this version. */
  readonly resourceVersion: string
  /** Milliseconds after which a silent watch counts as broken. Bookmarks come every minute. @default 90_000 */
  readonly silence?: number | undefined
  /** Called when the watch is open. */
  onOpen?(): void
  onEvent(event: WatchEvent): void
}

/** A change of an object. A bookmark has only `metadata.resourceVersion`. */
export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'
  readonly object: unknown
}

/** One object, or a subresource of it. */
export interface ObjectPath {
  readonly name: string
  readonly namespace?: string | undefined
  /** `log`, `proxy/stats/summary`, … */
  readonly subresource?: string | undefined
}

export interface LogRequest {
  readonly namespace: string
  readonly pod: string
  readonly container: string
  /** Reads the log of the previous run. */
  readonly previous?: boolean | undefined
  /** Reads only the last lines. */
  readonly lines?: number | undefined
  readonly limitBytes: number
}

/**
 * Client of the API server. Reads only, except for the Lease and the Secret of the agent itself. Objects are those of
 * the server, unchecked, to be projected and dropped. Every failure is a `KubernetesError` that says what to do.
 */
export interface KubernetesApi {
  /** `https://10.96.0.1:443` */
  readonly address: string
  /** Default namespace: that of the pod, or of the kubeconfig's context. */
  readonly namespace: string | undefined
  /** Returns the kinds of these group versions. Leaves out a group version that the server lacks. */
  discover(wanted: readonly GroupVersion[], signal: AbortSignal): Promise<Discovery>
  /** Lists every object, page by page. Returns the `resourceVersion` from which a watch continues. */
  list(resource: ApiResource, options: ListOptions, signal: AbortSignal): Promise<string>
  /** Watches until `signal` aborts. Always rejects, with status 410 if the version is too old to continue. */
  watch(resource: ApiResource, options: WatchOptions, signal: AbortSignal): Promise<never>
  /** Returns `undefined` if the object does not exist. @param parse parses the answer's bytes. @default JSON.parse */
  get(resource: ApiResource, path: ObjectPath, signal: AbortSignal, parse?: (body: Buffer) => unknown): Promise<unknown>
  /** Returns a container's log, unredacted, or `undefined` if there is none. */
  text(request: LogRequest, signal: AbortSignal): Promise<string | undefined>
  /** Creates a lease. Rejects with status 409 if it exists. */
  create(namespace: string, lease: object, signal: AbortSignal): Promise<unknown>
  /** Replaces an object. Rejects with status 409 if it was changed meanwhile. */
  replace(
    resource: ApiResource,
    path: { readonly namespace: string; readonly name: string },
    object: object,
    signal: AbortSignal,
  ): Promise<unknown>
  close(): void
}
