/** A rule of a role, of one API group. */
export interface Rule {
  readonly apiGroups: readonly [string]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
}

const RESOURCES: Readonly<Record<string, readonly string[]>> = {
  '': [
    'configmaps',
    'limitranges',
    'namespaces',
    'nodes',
    'persistentvolumeclaims',
    'pods',
    'resourcequotas',
    'services',
  ],
  apps: ['daemonsets', 'deployments', 'replicasets', 'statefulsets'],
  autoscaling: ['horizontalpodautoscalers'],
  batch: ['cronjobs', 'jobs'],
  'discovery.k8s.io': ['endpointslices'],
  'events.k8s.io': ['events'],
  'networking.k8s.io': ['ingresses'],
  policy: ['poddisruptionbudgets'],
}

/** A permission by its verb and resource, as `watch deployments` or `get pods/log`. */
export type PermissionName = `${string} ${string}`

/** Everything that an agent of a whole cluster needs, one rule for each resource, but for what is left out. */
export function agentRules(...without: readonly PermissionName[]): readonly Rule[] {
  const followed = Object.entries(RESOURCES).flatMap(([group, resources]) =>
    resources.map((resource) => ruleFor(group, resource, ['get', 'list', 'watch'], without)),
  )
  const asked = ['pods/log', 'nodes/proxy'].map((resource) => ruleFor('', resource, ['get'], without))
  // A server takes no rule without a verb.
  return [...followed, ...asked].filter(({ verbs }) => verbs.length > 0)
}

function ruleFor(group: string, resource: string, all: readonly string[], without: readonly PermissionName[]): Rule {
  const verbs = all.filter((verb) => !without.includes(`${verb} ${resource}`))
  return { apiGroups: [group], resources: [resource], verbs }
}
