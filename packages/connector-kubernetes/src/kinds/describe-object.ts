import { type EntityReference, matching, type NameFilter } from '@rca/core/connector'
import type { Metadata } from './metadata.ts'
import { isNamedKind, namedReference } from './references.ts'
import type { TemplateContainer } from './workload/pod-template.ts'

/** The attributes that objects of every kind have. `kind` as in `k8s.deployment.name`. */
export function commonAttributes<const Kind extends string>(
  kind: Kind,
  { name, uid, created, labels, namespace }: Metadata,
  isWantedLabel: NameFilter,
) {
  const attributes: Record<string, string | undefined> = {
    [`k8s.${kind}.name`]: name,
    [`k8s.${kind}.uid`]: uid,
    [`k8s.${kind}.created`]: created,
  }
  if (namespace !== '') attributes['k8s.namespace.name'] = namespace
  for (const [label, value] of Object.entries(labels))
    if (isWantedLabel(label)) attributes[`k8s.${kind}.label.${label}`] = value
  return attributes
}

/** Whom an object belongs to: the workload that made it, or else its namespace. */
export function ownerRelation({ owner, namespace }: Pick<Metadata, 'owner' | 'namespace'>) {
  const target: EntityReference =
    owner !== undefined && isNamedKind(owner.kind)
      ? namedReference(owner.kind, { namespace, name: owner.name })
      : namedReference('Namespace', { namespace: '', name: namespace })
  return { type: 'owned_by' as const, target }
}

/** The namespace that an object is in. */
export function namespaceRelation(namespace: string) {
  return { type: 'owned_by' as const, target: namedReference('Namespace', { namespace: '', name: namespace }) }
}

/** `app=registry/app:1.0`, one for each container. */
export function imagesOf(containers: readonly Pick<TemplateContainer, 'name' | 'image'>[]): string[] {
  return containers.map(({ name, image }) => `${name}=${image}`)
}

/** One filter for each list of patterns: filters remember their answers. */
export function labelFilter(patterns: readonly string[]): NameFilter {
  const known = filters.get(patterns)
  if (known !== undefined) return known
  const filter = matching(patterns)
  filters.set(patterns, filter)
  return filter
}

const filters = new WeakMap<readonly string[], NameFilter>()
