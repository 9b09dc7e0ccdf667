/** A version of an API group. The core group has no name. */
export interface GroupVersion {
  readonly group: string
  readonly version: string
}

/** A kind of object as the server has it. */
export interface ApiResource extends GroupVersion {
  /** Plural, as in paths: `pods`. */
  readonly resource: string
  readonly kind: string
  readonly isNamespaced: boolean
  readonly verbs: readonly string[]
  /** Only the metadata of its objects is asked for; the server sends nothing else. */
  readonly isMetadataOnly?: boolean | undefined
  /** Servers send no bookmarks for it, whatever they are asked: without a change a watch on it is silent. */
  readonly hasNoBookmarks?: boolean | undefined
}

/** What a server has. */
export interface Discovery {
  readonly resources: readonly ApiResource[]
  /** Groups that the server names but that do not answer, such as those of an extension that is down. */
  readonly failures: readonly DiscoveryFailure[]
}

export interface DiscoveryFailure extends GroupVersion {
  readonly error: Error
}

/** Which objects are meant. */
export interface Selection {
  /** Without it: in all namespaces. */
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
  /** Whether `managedFields` are wanted, which tell who wrote to an object and are half of it. Without it they are empty. */
  readonly withManagers?: boolean | undefined
}

export interface ListOptions extends Selection {
  /** Objects in a page. @default 500 */
  readonly limit?: number | undefined
  /** Given what arrived of a page, a few objects at a time, to be projected and dropped: no page is ever held as a whole. */
  onItems(items: readonly unknown[]): void
  /** The list expired between two pages, and begins again: what was seen of it may no longer exist. */
  onRestart?(): void
}

export interface WatchOptions extends Selection {
  /** What has been seen: only what happens after it is told. */
  readonly resourceVersion: string
  /** @default true */
  readonly allowWatchBookmarks?: boolean | undefined
  /** How long the stream may be silent before it counts as cut, in milliseconds. Bookmarks come every minute. @default 90_000 */
  readonly silence?: number | undefined
  /** The server follows. */
  onOpen?(): void
  /** Told of what happens, which takes half the CPU of iterating: the iteration then has no events, and only ends. */
  onEvent?(event: WatchEvent): void
}

/** What happened to an object. A bookmark has only the metadata's `resourceVersion`. */
export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'
  readonly object: unknown
}

/** One object, or a part of it. */
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
  /** Of the run before this one. */
  readonly previous?: boolean | undefined
  /** Last so many lines. */
  readonly lines?: number | undefined
  /** First so many bytes of these lines. */
  readonly limitBytes: number
}

/**
 * The API server as this connector speaks to it: it reads, and writes nothing but leases. Objects are what the server wrote,
 * unchecked, to be projected and dropped. Everything rejects with a `KubernetesError` that says what to do.
 */
export interface KubernetesApi {
  /** `https://10.96.0.1:443` */
  readonly address: string
  /** Namespace that is meant where none is named: that of the pod, or of the kubeconfig's context. */
  readonly namespace: string | undefined
  /** What the server has of these group versions; a group version that it lacks is left out. */
  discover(wanted: readonly GroupVersion[], signal: AbortSignal): Promise<Discovery>
  /** Every object, page by page. Returns the `resourceVersion` from which a watch goes on. */
  list(resource: ApiResource, options: ListOptions, signal: AbortSignal): Promise<string>
  /** What happens, until `signal` aborts. Always ends by rejecting: with status 410 where it is too late to go on. */
  watch(resource: ApiResource, options: WatchOptions, signal: AbortSignal): AsyncIterable<WatchEvent>
  /** `undefined` where it does not exist. @param parse makes something of the answer's bytes. @default JSON.parse */
  get(resource: ApiResource, path: ObjectPath, signal: AbortSignal, parse?: (body: Buffer) => unknown): Promise<unknown>
  /** Text of a container's log. Unredacted. `undefined` where there is none. */
  text(request: LogRequest, signal: AbortSignal): Promise<string | undefined>
  /** Makes a lease. Rejects with status 409 where there is one. */
  create(namespace: string, lease: object, signal: AbortSignal): Promise<unknown>
  /** Replaces a lease. Rejects with status 409 where somebody else was faster. */
  replace(namespace: string, name: string, lease: object, signal: AbortSignal): Promise<unknown>
  close(): void
}
