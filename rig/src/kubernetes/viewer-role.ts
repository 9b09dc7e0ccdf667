const READ = ['get', 'list', 'watch']

const core = [
  'endpoints',
  'events',
  'limitranges',
  'namespaces',
  'nodes',
  'nodes/proxy',
  'nodes/stats',
  'persistentvolumeclaims',
  'persistentvolumes',
  'pods',
  'pods/log',
  'replicationcontrollers',
  'resourcequotas',
  'serviceaccounts',
  'services',
]

const groups = [
  'apiextensions.k8s.io',
  'apps',
  'autoscaling',
  'batch',
  'discovery.k8s.io',
  'events.k8s.io',
  'metrics.k8s.io',
  'networking.k8s.io',
  'policy',
  'scheduling.k8s.io',
  'storage.k8s.io',
]

const name = 'rig-viewer'
const apiGroup = 'rbac.authorization.k8s.io'
const collection = `/apis/${apiGroup}/v1`

/** Lets `viewers` read all but secrets and configuration: the built-in role `view` is empty without a controller. */
export const viewerRoleObjects: readonly { readonly path: string; readonly object: object }[] = [
  {
    path: `${collection}/clusterroles`,
    object: {
      metadata: { name },
      rules: [
        { apiGroups: [''], resources: core, verbs: READ },
        { apiGroups: groups, resources: ['*'], verbs: READ },
      ],
    },
  },
  {
    path: `${collection}/clusterrolebindings`,
    object: {
      metadata: { name },
      roleRef: { apiGroup, kind: 'ClusterRole', name },
      subjects: [{ apiGroup, kind: 'Group', name: 'viewers' }],
    },
  },
]
