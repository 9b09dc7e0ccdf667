import { event } from '@rca/core/connector'
import { inNamespace } from '../../kinds/common-signals.ts'
import { fields, repeated, SAMPLED, settings, writer } from '../change-attributes.ts'

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
  serviceCreated: event({
    name: 'k8s.service.created',
    severity: 'info',
    description: 'A Service was created.',
    attributes: { ...service, ...writer },
  }),
  serviceChanged: event({
    name: 'k8s.service.changed',
    severity: 'warning',
    description: 'The type, selector or ports of a Service were changed.',
    attributes: {
      ...service,
      ...writer,
      ...fields,
      ...settings,
      'change.selector':
        'Labels of its pods, each as `app: web → shop`; only names where `object_labels` excludes the value.',
      'change.ports.added': 'Ports that were added, as `http 80/TCP → 8080`.',
      'change.ports.removed': 'Ports that were removed.',
    },
  }),
  serviceDeleted: event({
    name: 'k8s.service.deleted',
    severity: 'warning',
    description: 'A Service was deleted.',
    attributes: service,
  }),
  serviceUnavailable: event({
    name: 'k8s.service.unavailable',
    severity: 'error',
    description: `A Service has lost its last ready endpoint: its clients get no answer. ${SAMPLED}`,
    attributes: { ...endpoints, ...repeated },
  }),
  serviceAvailable: event({
    name: 'k8s.service.available',
    severity: 'info',
    description: 'A Service that had no ready endpoint has one again.',
    attributes: endpoints,
  }),
  ingressCreated: event({
    name: 'k8s.ingress.created',
    severity: 'info',
    description: 'An Ingress was created.',
    attributes: { ...ingress, ...writer },
  }),
  ingressChanged: event({
    name: 'k8s.ingress.changed',
    severity: 'warning',
    description: 'The hosts or routes of an Ingress were changed.',
    attributes: {
      ...ingress,
      ...writer,
      ...fields,
      ...settings,
      'change.hosts.added': 'Hosts that were added.',
      'change.hosts.removed': 'Hosts that were removed.',
      'change.routes.added': 'Routes that were added, as `shop.example.test/api → web:80`.',
      'change.routes.removed': 'Routes that were removed.',
    },
  }),
  ingressDeleted: event({
    name: 'k8s.ingress.deleted',
    severity: 'warning',
    description: 'An Ingress was deleted.',
    attributes: ingress,
  }),
  claimBound: event({
    name: 'k8s.persistentvolumeclaim.bound',
    severity: 'info',
    description: 'A claim was bound to its volume.',
    attributes: claim,
  }),
  claimLost: event({
    name: 'k8s.persistentvolumeclaim.lost',
    severity: 'error',
    description: 'A claim has lost its volume.',
    attributes: claim,
  }),
}
