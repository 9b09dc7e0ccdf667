import type { SlimObject } from '../informer/object-store.ts'
import { type Fields, fields, list, partsOf, present, record, text, texts } from './fields.ts'
import { intern } from './intern.ts'

/** The controller of an object. */
export interface Owner {
  /** With the group for an extension's kind of the same name: `StatefulSet.apps.kruise.io`. */
  readonly kind: string
  readonly name: string
  readonly uid: string
}

/** The part of an object's metadata that is kept. Most annotations are not: they hold whole manifests, with secrets. */
export interface Metadata extends SlimObject {
  readonly created: string | undefined
  /** Set while the object is being deleted. */
  readonly deleted: string | undefined
  readonly labels: Readonly<Record<string, string>>
  /** The controller, such as the ReplicaSet of a pod. */
  readonly owner: Owner | undefined
  /** Deletion waits until every finalizer is removed. */
  readonly finalizers: readonly string[]
}

const NONE: readonly string[] = Object.freeze([])

/** @throws Error when the object has no name or UID */
export function metadataOf(raw: unknown): Metadata {
  const { metadata } = partsOf(raw)
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

/** Built-in kinds whose names extensions use, too. */
const AMBIGUOUS_KINDS = new Set([
  ...['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job', 'CronJob', 'Pod'],
  ...['Service', 'Ingress', 'Node', 'Namespace', 'ConfigMap', 'Secret'],
])

/** Returns the kind of a reference, with the group of an extension: `StatefulSet.apps.kruise.io` is another kind. */
export function kindOf({ kind, apiVersion }: Fields): string {
  const [name, version] = [text(kind) ?? '', text(apiVersion) ?? '']
  const group = version.slice(0, Math.max(0, version.indexOf('/')))
  // Built-in groups are `apps`, `batch`, … and `networking.k8s.io`; groups of extensions have a dot.
  const isBuiltIn = !group.includes('.') || group.endsWith('.k8s.io')
  return isBuiltIn || !AMBIGUOUS_KINDS.has(name) ? name : `${name}.${group}`
}

/** A writer of an object: the part of `managedFields` that is kept. */
export interface Manager {
  readonly name: string
  /** `Apply` or `Update`. */
  readonly operation: string | undefined
  /** `status`, `scale`, … */
  readonly subresource: string | undefined
  readonly time: string | undefined
  /** Parts of the object that it manages: `metadata`, `spec`, `status`, `data`, … */
  readonly parts: readonly string[]
}

/** Returns the writers of an object, without the fields that they wrote. */
export function managersOf(raw: unknown): readonly Manager[] {
  return list(partsOf(raw).metadata.managedFields).flatMap((entry) => {
    const name = internText(entry.manager)
    if (name === undefined) return []
    const parts = intern(Object.keys(fields(entry.fieldsV1)).map((part) => part.replace(/^f:/, '')))
    const [operation, subresource] = [internText(entry.operation), internText(entry.subresource)]
    return [{ name, operation, subresource, time: text(entry.time), parts }]
  })
}

/** Returns an annotation. Only for annotations that cannot hold a secret. */
export function annotationOf(raw: unknown, name: string): string | undefined {
  return text(fields(partsOf(raw).metadata.annotations)[name])
}

export interface HelmRelease {
  readonly name: string
  readonly namespace: string | undefined
  /** `shop-1.2.3` */
  readonly chart: string | undefined
}

/** Returns `undefined` for an object that Helm did not create. */
export function helmReleaseOf(raw: unknown): HelmRelease | undefined {
  const name = annotationOf(raw, 'meta.helm.sh/release-name')
  if (name === undefined) return undefined
  const chart = text(fields(partsOf(raw).metadata.labels)['helm.sh/chart'])
  return intern({ name, namespace: annotationOf(raw, 'meta.helm.sh/release-namespace'), chart })
}

export interface Condition {
  readonly type: string
  /** `True`, `False` or `Unknown`. */
  readonly status: string
  readonly reason: string | undefined
  /** Unredacted. */
  readonly message: string | undefined
  /** When the status last changed. */
  readonly since: string | undefined
}

export function conditionsOf(status: Fields): readonly Condition[] {
  return list(status.conditions).map((condition) => ({
    type: intern(text(condition.type) ?? ''),
    status: text(condition.status) ?? '',
    reason: internText(condition.reason),
    message: internText(condition.message),
    since: internText(condition.lastTransitionTime),
  }))
}

/** Returns whether a pod or node is ready. */
export function isReady({ conditions }: { readonly conditions: readonly Condition[] }): boolean {
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
}

/** Reads and interns a text that many objects have. */
export function internText(value: unknown): string | undefined {
  const read = text(value)
  return read === undefined ? undefined : intern(read)
}

/** Returns the addresses of the load balancer of a Service or Ingress. */
export function loadBalancerAddresses(raw: unknown): readonly string[] {
  const { loadBalancer } = partsOf(raw).status
  return present(list(fields(loadBalancer).ingress).map(({ ip, hostname }) => text(ip) ?? text(hostname)))
}
