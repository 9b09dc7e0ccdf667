import type { SlimObject } from '../informer/object-store.ts'
import { type Fields, fields, list, present, record, text, texts } from './fields.ts'
import { intern } from './intern.ts'

/** Whom an object belongs to. */
export interface Owner {
  /** With its group where an extension has a kind of the same name: `StatefulSet.apps.kruise.io`. */
  readonly kind: string
  readonly name: string
  readonly uid: string
}

/** What is kept of an object's metadata. Of annotations only a few are: they hold whole manifests, with their secrets. */
export interface Metadata extends SlimObject {
  readonly created: string | undefined
  /** Set once it is being deleted. */
  readonly deleted: string | undefined
  readonly labels: Readonly<Record<string, string>>
  /** The one that made it, such as the ReplicaSet of a pod. */
  readonly owner: Owner | undefined
  /** Names of those whose work its deletion waits for. */
  readonly finalizers: readonly string[]
}

const NONE: readonly string[] = Object.freeze([])

/** @throws Error when it has no name or uid. */
export function metadataOf(raw: unknown): Metadata {
  const metadata = fields(fields(raw).metadata)
  const [uid, name] = [text(metadata.uid), text(metadata.name)]
  if (uid === undefined || name === undefined) throw new Error('an object without name or uid')
  return {
    uid,
    name,
    namespace: intern(text(metadata.namespace) ?? ''),
    resourceVersion: text(metadata.resourceVersion) ?? '',
    created: text(metadata.creationTimestamp),
    deleted: text(metadata.deletionTimestamp),
    labels: intern(record(metadata.labels)),
    owner: ownerOf(metadata),
    finalizers: metadata.finalizers === undefined ? NONE : intern(texts(metadata.finalizers)),
  }
}

function ownerOf(metadata: Fields): Owner | undefined {
  const reference = list(metadata.ownerReferences).find(({ controller }) => controller === true)
  if (reference === undefined) return undefined
  return intern({ kind: kindOf(reference), name: text(reference.name) ?? '', uid: text(reference.uid) ?? '' })
}

/** Kinds of the server's own whose names extensions have taken, too. */
const TAKEN = new Set([
  ...['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job', 'CronJob', 'Pod'],
  ...['Service', 'Ingress', 'Node', 'Namespace', 'ConfigMap', 'Secret'],
])

/** The kind that something refers to: `StatefulSet.apps.kruise.io` is no StatefulSet. */
export function kindOf({ kind, apiVersion }: Fields): string {
  const [name, version] = [text(kind) ?? '', text(apiVersion) ?? '']
  const group = version.slice(0, Math.max(0, version.indexOf('/')))
  // The server's own groups are `apps`, `batch`, … and `networking.k8s.io`; those of extensions have a dot.
  const isOwn = !group.includes('.') || group.endsWith('.k8s.io')
  return isOwn || !TAKEN.has(name) ? name : `${name}.${group}`
}

/** Who wrote to an object, and when: all that is kept of `managedFields`. */
export interface Manager {
  readonly name: string
  /** `Apply` or `Update`. */
  readonly operation: string | undefined
  /** `status`, `scale`, … */
  readonly subresource: string | undefined
  readonly time: string | undefined
  /** Parts of the object that it has a say in: `metadata`, `spec`, `status`, `data`, … */
  readonly parts: readonly string[]
}

/** Who wrote to an object: nothing of what they wrote. */
export function managersOf(raw: unknown): readonly Manager[] {
  return list(fields(fields(raw).metadata).managedFields).flatMap((entry) => {
    const name = internText(entry.manager)
    if (name === undefined) return []
    const parts = intern(Object.keys(fields(entry.fieldsV1)).map((part) => part.replace(/^f:/, '')))
    const [operation, subresource] = [internText(entry.operation), internText(entry.subresource)]
    return [{ name, operation, subresource, time: text(entry.time), parts }]
  })
}

/** One annotation, which must be known to hold no secret. */
export function annotationOf(raw: unknown, name: string): string | undefined {
  return text(fields(fields(fields(raw).metadata).annotations)[name])
}

/** The Helm release that an object is part of. */
export interface HelmRelease {
  readonly name: string
  readonly namespace: string | undefined
  /** `shop-1.2.3` */
  readonly chart: string | undefined
}

/** `undefined` for what no release made. */
export function helmReleaseOf(raw: unknown): HelmRelease | undefined {
  const name = annotationOf(raw, 'meta.helm.sh/release-name')
  if (name === undefined) return undefined
  const { labels } = fields(fields(raw).metadata)
  const chart = text(fields(labels)['helm.sh/chart'])
  return intern({ name, namespace: annotationOf(raw, 'meta.helm.sh/release-namespace'), chart })
}

/** A condition of an object's status. */
export interface Condition {
  readonly type: string
  /** `True`, `False` or `Unknown`. */
  readonly status: string
  readonly reason: string | undefined
  /** Unredacted. */
  readonly message: string | undefined
  /** When the status last became another. */
  readonly since: string | undefined
}

/** The conditions of a status. */
export function conditionsOf(status: Fields): readonly Condition[] {
  return list(status.conditions).map((condition) => ({
    type: intern(text(condition.type) ?? ''),
    status: text(condition.status) ?? '',
    reason: internText(condition.reason),
    message: internText(condition.message),
    since: internText(condition.lastTransitionTime),
  }))
}

/** Whether a pod or a node counts as ready. */
export function isReady({ conditions }: { readonly conditions: readonly Condition[] }): boolean {
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
}

/** A text that many objects have. */
export function internText(value: unknown): string | undefined {
  const read = text(value)
  return read === undefined ? undefined : intern(read)
}

/** Returns the addresses of the load balancer of a Service or Ingress. */
export function loadBalancerAddresses(raw: unknown): readonly string[] {
  const { loadBalancer } = fields(fields(raw).status)
  return present(list(fields(loadBalancer).ingress).map(({ ip, hostname }) => text(ip) ?? text(hostname)))
}
