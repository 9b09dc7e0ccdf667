import { kindPermissions } from '../src/kinds/permissions.ts'

/** A rule of a role, with one API group. */
export interface Rule {
  readonly apiGroups: readonly [string]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
}

/** A permission by verb and resource, such as `watch deployments` or `get pods/log`. */
export type PermissionName = `${string} ${string}`

/**
 * Returns the rules of an agent that watches a whole cluster without Secrets and metrics.k8s.io, minus some
 * permissions.
 */
export function agentRules(...without: readonly PermissionName[]): readonly Rule[] {
  return (
    kindPermissions()
      .filter(({ group, resource }) => resource !== 'secrets' && group !== 'metrics.k8s.io')
      .map(({ group, resource, verbs }): Rule => {
        const allowed = verbs.filter((verb) => !without.includes(`${verb} ${resource}`))
        return { apiGroups: [group], resources: [resource], verbs: allowed }
      })
      // A server rejects a rule without verbs.
      .filter(({ verbs }) => verbs.length > 0)
  )
}
