import { inNamespace } from '../../kinds/common-signals.ts'
import { error, fields, info, repeated, SAMPLED, settings, warning, writer } from '../event-declarations.ts'

const service = { ...inNamespace, 'k8s.service.name': 'Name of the Service.' }
const endpoints = {
  ...service,
  'k8s.service.endpoints.ready': 'Endpoints that are ready: pods, or other addresses.',
  'k8s.service.endpoints.not_ready': 'Endpoints that are not ready.',
}
const ingress = { ...inNamespace, 'k8s.ingress.name': 'Name of the Ingress.' }
const claim = {
  ...inNamespace,
  'k8s.persistentvolumeclaim.name': 'Name of the claim.',
  'k8s.persistentvolume.name': 'Name of its volume.',
  'k8s.storageclass.name': 'Its storage class.',
}

/** Events about Services, Ingresses and claims. */
export const signals = {
  serviceCreated: info('k8s.service.created', 'A Service was created.', { ...service, ...writer }),
  serviceChanged: warning('k8s.service.changed', 'The type, selector or ports of a Service were changed.', {
    ...service,
    ...writer,
    ...fields,
    ...settings,
    'change.selector':
      'Labels of its pods, each as `app: web → shop`; only names where `object_labels` excludes the value.',
    'change.ports.added': 'Ports that were added, as `http 80/TCP → 8080`.',
    'change.ports.removed': 'Ports that were removed.',
  }),
  serviceDeleted: warning('k8s.service.deleted', 'A Service was deleted.', service),
  serviceUnavailable: error(
    'k8s.service.unavailable',
    `A Service has lost its last ready endpoint: its clients get no answer. ${SAMPLED}`,
    { ...endpoints, ...repeated },
  ),
  serviceAvailable: info('k8s.service.available', 'A Service that had no ready endpoint has one again.', endpoints),
  ingressCreated: info('k8s.ingress.created', 'An Ingress was created.', { ...ingress, ...writer }),
  ingressChanged: warning('k8s.ingress.changed', 'The hosts or routes of an Ingress were changed.', {
    ...ingress,
    ...writer,
    ...fields,
    ...settings,
    'change.hosts.added': 'Hosts that were added.',
    'change.hosts.removed': 'Hosts that were removed.',
    'change.routes.added': 'Routes that were added, as `shop.example.test/api → web:80`.',
    'change.routes.removed': 'Routes that were removed.',
  }),
  ingressDeleted: warning('k8s.ingress.deleted', 'An Ingress was deleted.', ingress),
  claimBound: info('k8s.persistentvolumeclaim.bound', 'A claim was bound to its volume.', claim),
  claimLost: error('k8s.persistentvolumeclaim.lost', 'A claim has lost its volume.', claim),
}
