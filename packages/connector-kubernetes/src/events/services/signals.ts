import { event } from '@rca/core/connector'
import { inNamespace } from '../../kinds/common-signals.ts'
import { again, fields, settings, writer } from '../change-attributes.ts'

const config = {
  ...inNamespace,
  'k8s.config.kind': '`ConfigMap` or `Secret`.',
  'k8s.config.name': 'Its name. What is in it is never read.',
  'k8s.config.used_by': 'Workloads that mount it or take variables from it, as `Deployment/web`.',
}

/** What is done to configuration. */
export const configEvents = {
  configCreated: event({
    name: 'k8s.config.created',
    severity: 'info',
    description: 'A ConfigMap or Secret was created. Secrets only with `watch_secret_names`.',
    attributes: { ...config, ...writer },
  }),
  configChanged: event({
    name: 'k8s.config.changed',
    severity: 'info',
    description:
      'A ConfigMap or Secret was written to; a warning where workloads use it. One that is written to all the time is told now and then, with the count.',
    attributes: { ...config, ...writer, ...again },
  }),
  configDeleted: event({
    name: 'k8s.config.deleted',
    severity: 'info',
    description: 'A ConfigMap or Secret was deleted; an error where workloads use it.',
    attributes: config,
  }),
  helmReleased: event({
    name: 'k8s.helm.released',
    severity: 'info',
    description:
      'Helm has installed, upgraded or begun to uninstall a release, or failed to: see the status. Only with `watch_secret_names`.',
    attributes: {
      ...inNamespace,
      'k8s.helm.release': 'Name of the release.',
      'k8s.helm.revision': 'Revision of the release.',
      'k8s.helm.status': '`deployed`, `failed` or `uninstalling`.',
    },
  }),
}

const objects = {
  ...inNamespace,
  'k8s.namespace.objects': 'What is in it, each as `pods: 12`.',
}

/** What is done to namespaces as a whole. */
export const namespaceEvents = {
  namespaceCreated: event({
    name: 'k8s.namespace.created',
    severity: 'info',
    description: 'A namespace was created.',
    attributes: inNamespace,
  }),
  namespaceTerminating: event({
    name: 'k8s.namespace.terminating',
    severity: 'warning',
    description: 'A namespace is being deleted, and everything in it.',
    attributes: objects,
  }),
  namespaceDeleted: event({
    name: 'k8s.namespace.deleted',
    severity: 'warning',
    description: 'A namespace is gone, and everything that was in it. What went with it is not told one by one.',
    attributes: objects,
  }),
  manyChanges: event({
    name: 'k8s.namespace.many_changes',
    severity: 'info',
    description:
      'So many objects of a namespace were created or deleted at once that only the first of them are told one by one. These are the others.',
    attributes: {
      ...inNamespace,
      'change.event': 'The event that stands for each of them, such as `k8s.workload.deleted`.',
      'change.count': 'How many they are.',
      'change.objects': 'Which, as `Deployment/web`.',
    },
  }),
  quotaChanged: event({
    name: 'k8s.quota.changed',
    severity: 'warning',
    description: 'What a namespace may use was changed.',
    attributes: {
      ...inNamespace,
      ...writer,
      'k8s.resourcequota.name': 'Name of the quota.',
      'change.limits': 'Each as `requests.cpu: 4 → 2`; `none` where there is no limit.',
    },
  }),
}

const service = { ...inNamespace, 'k8s.service.name': 'Name of the Service.' }
const endpoints = {
  ...service,
  'k8s.service.endpoints.ready': 'Pods, or addresses that are none, that are ready.',
  'k8s.service.endpoints.not_ready': 'The same that are not.',
}
const ingress = { ...inNamespace, 'k8s.ingress.name': 'Name of the Ingress.' }
const claim = {
  ...inNamespace,
  'k8s.persistentvolumeclaim.name': 'Name of the claim.',
  'k8s.persistentvolume.name': 'Name of its volume.',
  'k8s.storageclass.name': 'Its storage class.',
}

/** What is done to Services, Ingresses and claims, and how they take it. */
export const serviceEvents = {
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
        'Labels of its pods, each as `app: web → shop`; only names where `object_labels` keeps the value.',
      'change.ports.added': 'Ports that came, as `http 80/TCP → 8080`.',
      'change.ports.removed': 'Ports that went.',
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
    description: 'Nothing behind a Service is ready any more: who calls it gets no answer.',
    attributes: { ...endpoints, ...again },
  }),
  serviceAvailable: event({
    name: 'k8s.service.available',
    severity: 'info',
    description: 'Something behind a Service is ready again.',
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
      'change.hosts.added': 'Hosts that came.',
      'change.hosts.removed': 'Hosts that went.',
      'change.routes.added': 'Routes that came, as `shop.example.test/api → web:80`.',
      'change.routes.removed': 'Routes that went.',
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
    description: 'A claim has its volume.',
    attributes: claim,
  }),
  claimLost: event({
    name: 'k8s.persistentvolumeclaim.lost',
    severity: 'error',
    description: 'The volume of a claim is gone.',
    attributes: claim,
  }),
}
