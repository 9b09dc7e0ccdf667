import { event } from '@rca/core/connector'
import { inNamespace } from '../../kinds/common-signals.ts'
import { writer } from '../change-attributes.ts'

const objects = {
  ...inNamespace,
  'k8s.namespace.objects': 'Objects in it, each as `pods: 12`.',
}

/** Events about whole namespaces. */
export const signals = {
  namespaceCreated: event({
    name: 'k8s.namespace.created',
    severity: 'info',
    description: 'A namespace was created.',
    attributes: inNamespace,
  }),
  namespaceTerminating: event({
    name: 'k8s.namespace.terminating',
    severity: 'warning',
    description: 'A namespace is being deleted with all its objects.',
    attributes: objects,
  }),
  namespaceDeleted: event({
    name: 'k8s.namespace.deleted',
    severity: 'warning',
    description: 'A namespace was deleted with all its objects, which are not reported one by one.',
    attributes: objects,
  }),
  manyChanges: event({
    name: 'k8s.namespace.many_changes',
    severity: 'info',
    description:
      'More than ten objects of a namespace were created or deleted at once: the first ten are reported one by one, the others by this event.',
    attributes: {
      ...inNamespace,
      'change.event': 'The event that stands for each of them, such as `k8s.workload.deleted`.',
      'change.count': 'Number of these objects.',
      'change.objects': 'The objects, as `Deployment/web`.',
    },
  }),
  quotaChanged: event({
    name: 'k8s.quota.changed',
    severity: 'warning',
    description: 'The resources that a namespace may use were changed.',
    attributes: {
      ...inNamespace,
      ...writer,
      'k8s.resourcequota.name': 'Name of the quota.',
      'change.limits': 'Limits, each as `requests.cpu: 4 → 2`; `none` where there is no limit.',
    },
  }),
}
