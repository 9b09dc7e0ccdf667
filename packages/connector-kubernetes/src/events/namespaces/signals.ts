import { inNamespace } from '../../kinds/common-signals.ts'
import { info, warning, writer } from '../event-declarations.ts'

const objects = {
  ...inNamespace,
  'k8s.namespace.objects': 'Objects in it, each as `pods: 12`.',
}

/** Events about whole namespaces. */
export const signals = {
  namespaceCreated: info('k8s.namespace.created', 'A namespace was created.', inNamespace),
  namespaceTerminating: warning(
    'k8s.namespace.terminating',
    'A namespace is being deleted with all its objects.',
    objects,
  ),
  namespaceDeleted: warning(
    'k8s.namespace.deleted',
    'A namespace was deleted with all its objects, which are not reported one by one.',
    objects,
  ),
  manyChanges: info(
    'k8s.namespace.many_changes',
    'More than ten objects of a namespace were created or deleted at once: the first ten are reported one by one, the others by this event.',
    {
      ...inNamespace,
      'change.event': 'The event that stands for each of them, such as `k8s.workload.deleted`.',
      'change.count': 'Number of these objects.',
      'change.objects': 'The objects, as `Deployment/web`.',
    },
  ),
  quotaChanged: warning(
    'k8s.quota.changed',
    'The resources that a namespace may use were changed: a quota was created, changed or deleted.',
    {
      ...inNamespace,
      ...writer,
      'k8s.resourcequota.name': 'Name of the quota.',
      'k8s.resourcequota.scopes': 'Pods to which it is limited, as `BestEffort` or `PriorityClass In high`.',
      'change.limits': 'Limits, each as `requests.memory: 4Gi → 2Gi`; `none` where there is no limit.',
    },
  ),
}
