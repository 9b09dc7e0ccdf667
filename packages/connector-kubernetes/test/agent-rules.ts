import { kinds } from '../src/kinds/index.ts'

/** A rule of a role, of one API group. */
export interface Rule {
  readonly apiGroups: readonly [string]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
}

/** Read only where somebody wants it, or not followed. */
const NOT_FOLLOWED = new Set(['secrets', 'leases', 'podMetrics', 'nodeMetrics'])

/** A permission by its verb and resource, as `watch deployments` or `get pods/log`. */
export type PermissionName = `${string} ${string}`

/** Everything that an agent of a whole cluster needs, one rule for each resource, but for what is left out. */
export function agentRules(...without: readonly PermissionName[]): readonly Rule[] {
  const followed = Object.entries(kinds)
    .filter(([name]) => !NOT_FOLLOWED.has(name))
    .map(([, { resource, versions }]) => ruleFor(groupOf(versions[0]), resource, ['get', 'list', 'watch'], without))
  const asked = ['pods/log', 'nodes/proxy'].map((resource) => ruleFor('', resource, ['get'], without))
  // A server takes no rule without a verb.
  return [...followed, ...asked].filter(({ verbs }) => verbs.length > 0)
}

function groupOf(version: string): string {
  return version.includes('/') ? version.replace(/\/.*/, '') : ''
}

function ruleFor(group: string, resource: string, all: readonly string[], without: readonly PermissionName[]): Rule {
  const verbs = all.filter((verb) => !without.includes(`${verb} ${resource}`))
  return { apiGroups: [group], resources: [resource], verbs }
}
