import type { EntityReference } from '@rca/core/connector'
import type { SlimObject } from '../informer/object-store.ts'
import { signals } from '../signals.ts'

/** Kinds of objects, as owners and events name them, with the entity that stands for each. */
const definitions = {
  Node: signals.node,
  Namespace: signals.namespace,
  Deployment: signals.deployment,
  StatefulSet: signals.statefulSet,
  DaemonSet: signals.daemonSet,
  ReplicaSet: signals.replicaSet,
  Job: signals.job,
  CronJob: signals.cronJob,
  HorizontalPodAutoscaler: signals.autoscaler,
  PodDisruptionBudget: signals.disruptionBudget,
  Service: signals.service,
  Ingress: signals.ingress,
  PersistentVolumeClaim: signals.claim,
  ConfigMap: signals.configMap,
  Secret: signals.secret,
  ResourceQuota: signals.resourceQuota,
  LimitRange: signals.limitRange,
}

/** A kind whose objects are known by their name: an object that was made again is the same to all who refer to it. */
export type NamedKind = keyof typeof definitions

export function isNamedKind(kind: string): kind is NamedKind {
  return Object.hasOwn(definitions, kind)
}

/** `shop/web`, or `worker-1` for what is in no namespace. */
export function namedId({ namespace, name }: Pick<SlimObject, 'namespace' | 'name'>): string {
  return namespace === '' ? name : `${namespace}/${name}`
}

/** Points at an object that is known by its name. */
export function namedReference(
  kind: NamedKind,
  { namespace, name }: Pick<SlimObject, 'namespace' | 'name'>,
): EntityReference {
  // Events name a namespace even where what they are about is in none.
  const isInNone = kind === 'Node' || kind === 'Namespace'
  return definitions[kind].reference(namedId({ namespace: isInNone ? '' : namespace, name }))
}

/** Points at a pod. A pod that is made again under the same name is another one. */
export function podReference(uid: string): EntityReference {
  return signals.pod.reference(uid)
}

/** Points at a container of a pod, in all of its runs. */
export function containerReference(podUid: string, name: string): EntityReference {
  return signals.container.reference(`${podUid}/${name}`)
}

/** Points at any object that there is an entity for. */
export function objectReference(
  kind: string,
  object: Pick<SlimObject, 'namespace' | 'name'> & { readonly uid: string | undefined },
): EntityReference | undefined {
  if (kind === 'Pod') return object.uid === undefined ? undefined : podReference(object.uid)
  return isNamedKind(kind) ? namedReference(kind, object) : undefined
}
