import type { EntityReference } from '@rca/core/connector'
import type { SlimObject } from '../informer/object-store.ts'

/**
 * Kubernetes kinds, as owners and events name them, with the entity type of each. Pods are identified by UID instead.
 */
export const entityTypes = {
  Node: 'k8s.node',
  Namespace: 'k8s.namespace',
  Deployment: 'k8s.deployment',
  StatefulSet: 'k8s.statefulset',
  DaemonSet: 'k8s.daemonset',
  ReplicaSet: 'k8s.replicaset',
  Job: 'k8s.job',
  CronJob: 'k8s.cronjob',
  HorizontalPodAutoscaler: 'k8s.hpa',
  PodDisruptionBudget: 'k8s.poddisruptionbudget',
  Service: 'k8s.service',
  Ingress: 'k8s.ingress',
  PersistentVolumeClaim: 'k8s.persistentvolumeclaim',
  ConfigMap: 'k8s.configmap',
  Secret: 'k8s.secret',
  ResourceQuota: 'k8s.resourcequota',
  LimitRange: 'k8s.limitrange',
} as const

/** A kind whose objects are identified by name: an object that is recreated under the same name keeps its identity. */
export type NamedKind = keyof typeof entityTypes

export function isNamedKind(kind: string): kind is NamedKind {
  return Object.hasOwn(entityTypes, kind)
}

/** Returns `shop/web`, or `worker-1` for an object without a namespace. */
export function namedId({ namespace, name }: Pick<SlimObject, 'namespace' | 'name'>): string {
  return namespace === '' ? name : `${namespace}/${name}`
}

/** Points at an object that is identified by name. */
export function namedReference(
  kind: NamedKind,
  { namespace, name }: Pick<SlimObject, 'namespace' | 'name'>,
): EntityReference {
  // Events name a namespace even for an object without one.
  const isClusterWide = kind === 'Node' || kind === 'Namespace'
  return { type: entityTypes[kind], id: namedId({ namespace: isClusterWide ? '' : namespace, name }) }
}

/** Points at a pod. A pod that is recreated under the same name is another pod. */
export function podReference(uid: string): EntityReference {
  return { type: 'k8s.pod', id: uid }
}

/** Points at a container of a pod, in all of its runs. */
export function containerReference(podUid: string, name: string): EntityReference {
  return { type: 'k8s.container', id: `${podUid}/${name}` }
}

/** Points at an object. Returns `undefined` for a kind without an entity. */
export function objectReference(
  kind: string,
  object: Pick<SlimObject, 'namespace' | 'name'> & { readonly uid: string | undefined },
): EntityReference | undefined {
  if (kind === 'Pod') return object.uid === undefined ? undefined : podReference(object.uid)
  return isNamedKind(kind) ? namedReference(kind, object) : undefined
}
