import { event } from '@rca/core/connector'
import { inNamespace } from '../../kinds/common-signals.ts'
import { repeated, SAMPLED, writer } from '../change-attributes.ts'

const config = {
  ...inNamespace,
  'k8s.config.kind': '`ConfigMap` or `Secret`.',
  'k8s.config.name': 'Its name. Its content is never read.',
  'k8s.config.used_by': 'Workloads that mount it or take variables from it, as `Deployment/web`.',
}

/** Events about configuration. */
export const signals = {
  configCreated: event({
    name: 'k8s.config.created',
    severity: 'info',
    description: 'A ConfigMap or Secret was created. Secrets only with `watch_secret_names`.',
    attributes: { ...config, ...writer },
  }),
  configChanged: event({
    name: 'k8s.config.changed',
    severity: 'info',
    description: `A ConfigMap or Secret was changed; a warning if workloads use it. ${SAMPLED}`,
    attributes: { ...config, ...writer, ...repeated },
  }),
  configDeleted: event({
    name: 'k8s.config.deleted',
    severity: 'info',
    description: 'A ConfigMap or Secret was deleted; an error if workloads use it.',
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
