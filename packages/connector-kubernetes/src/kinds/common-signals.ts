import { includeNames, metric, type NameFilter } from '@rca/core/connector'
import type { Metadata } from './metadata.ts'
import { isNamedKind, namedReference } from './references.ts'
import { configNamesOf, type PodTemplate, type TemplateContainer } from './workload/pod-template.ts'

export const inNamespace = { 'k8s.namespace.name': 'Name of the namespace.' }

export const pod = {
  ...inNamespace,
  'k8s.pod.name': 'Name of the pod.',
  'k8s.pod.uid': 'UID of the pod.',
  'k8s.node.name': 'Name of the node that runs the pod.',
}

export const container = {
  ...pod,
  'k8s.container.name': 'Name of the container in its pod.',
  'container.id': 'ID of the latest run, assigned by the runtime.',
  'container.image.name': 'Image name in the pod specification.',
  'container.image.id': 'Digest of the running image.',
}

export const workload = {
  ...inNamespace,
  'k8s.workload.kind':
    '`Deployment`, `StatefulSet`, `DaemonSet`, `ReplicaSet`, `Job`, `CronJob`, or a kind of an extension, such as `Rollout`.',
  'k8s.workload.name': 'Name of the workload.',
}

export const helm = {
  'k8s.helm.release': 'Helm release of the object.',
  'k8s.helm.chart': 'Chart and version of the release, such as `shop-1.2.3`.',
}

export const ownedByNamespace = { owned_by: 'The namespace.' }

export const ownedByWorkload = { owned_by: 'The workload that created the object, or its namespace.' }

export const ownedByWorkloadUsingConfig = {
  ...ownedByWorkload,
  uses: 'ConfigMaps and Secrets that its pods mount or take variables from.',
}

/** Declares the attributes that every kind has. @param kind as in `k8s.deployment.name` */
export function common<const Kind extends string>(kind: Kind) {
  return {
    [`k8s.${kind}.name`]: 'Name of the object.',
    [`k8s.${kind}.uid`]: 'UID of the object.',
    [`k8s.${kind}.created`]: 'Creation time. ISO 8601.',
    [`k8s.${kind}.label.*`]: 'Labels that `object_labels` allows.',
  } as { readonly [Part in 'name' | 'uid' | 'created' | 'label.*' as `k8s.${Kind}.${Part}`]: string }
}

/** Declares the attributes that every kind with namespaces has. */
export function namespaced<const Kind extends string>(kind: Kind) {
  return { ...common(kind), ...inNamespace }
}

/** Declares a metric for a current number of things. */
export function upDownCounter<const Names extends Readonly<Record<string, string>> = Record<never, string>>(
  name: string,
  unit: string,
  description: string,
  attributes: Names = {} as Names,
) {
  return metric({ name, unit, kind: 'updowncounter', description, attributes })
}

/** Returns the attributes that every kind has. @param kind as in `k8s.deployment.name` */
export function commonAttributes<const Kind extends string>(
  kind: Kind,
  { name, uid, created, labels, namespace }: Metadata,
  allowsLabel: NameFilter,
) {
  const attributes: Record<string, string | undefined> = {
    [`k8s.${kind}.name`]: name,
    [`k8s.${kind}.uid`]: uid,
    [`k8s.${kind}.created`]: created,
  }
  if (namespace !== '') attributes['k8s.namespace.name'] = namespace
  for (const [label, value] of Object.entries(labels))
    if (allowsLabel(label)) attributes[`k8s.${kind}.label.${label}`] = value
  return attributes
}

/** Points at the workload that created an object, or at the namespace of an object without one. */
export function ownerRelation({ owner, namespace }: Pick<Metadata, 'owner' | 'namespace'>) {
  if (owner === undefined || !isNamedKind(owner.kind)) return namespaceRelation(namespace)
  return { type: 'owned_by' as const, target: namedReference(owner.kind, { namespace, name: owner.name }) }
}

/** Points at the ConfigMaps and Secrets that the pods of a workload use. */
export function configRelations({
  namespace,
  template,
}: Pick<Metadata, 'namespace'> & { readonly template: PodTemplate }) {
  return (['ConfigMap', 'Secret'] as const).flatMap((kind) =>
    configNamesOf(template, kind).map((name) => ({
      type: 'uses' as const,
      target: namedReference(kind, { namespace, name }),
    })),
  )
}

export function namespaceRelation(namespace: string) {
  return { type: 'owned_by' as const, target: namedReference('Namespace', { namespace: '', name: namespace }) }
}

/** Returns `app=registry/app:1.0` for each container. */
export function imagesOf(containers: readonly Pick<TemplateContainer, 'name' | 'image'>[]): string[] {
  return containers.map(({ name, image }) => `${name}=${image}`)
}

/** Returns one filter for each list of patterns: a filter caches its answers. */
export function labelFilter(patterns: readonly string[]): NameFilter {
  const filter = filters.get(patterns) ?? includeNames(patterns)
  filters.set(patterns, filter)
  return filter
}

const filters = new WeakMap<readonly string[], NameFilter>()
