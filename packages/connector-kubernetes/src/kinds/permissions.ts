import { toGroupVersion } from '../informer/discovered-kinds.ts'
import { type KindDefinition, kinds } from './index.ts'

/** A permission that the agent's role grants. */
export interface KindPermission {
  /** Empty for the core group. */
  readonly group: string
  /** `pods`, `pods/log` */
  readonly resource: string
  readonly verbs: readonly string[]
  /** A Role in a namespace cannot grant it. */
  readonly isClusterWide: boolean
}

/** Returns the permissions for every kind of the table. The chart's roles are generated from them. */
export function kindPermissions(): readonly KindPermission[] {
  return Object.values(kinds).flatMap((kind: KindDefinition) => {
    const { resource, verbs = ['list', 'watch'], subresources = [], isClusterWide = false } = kind
    const groups = kind.groups ?? [toGroupVersion(kind.versions[0] ?? '').group]
    return groups.flatMap((group) => [
      { group, resource, verbs, isClusterWide },
      ...subresources.map((name) => ({ group, resource: `${resource}/${name}`, verbs: ['get'], isClusterWide })),
    ])
  })
}
