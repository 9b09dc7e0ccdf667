import { inNamespace } from '../../kinds/common-signals.ts'
import { info, repeated, SAMPLED, writer } from '../event-declarations.ts'

const config = {
  ...inNamespace,
  'k8s.config.kind': '`ConfigMap` or `Secret`.',
  'k8s.config.name': 'Its name. Its content is never read.',
  'k8s.config.used_by': 'Workloads that mount it or take variables from it, as `Deployment/web`.',
}

/** Events about configuration. */
export const signals = {
  configCreated: info(
    'k8s.config.created',
    'A ConfigMap or Secret was created. Secrets only with `watch_secret_names`.',
    { ...config, ...writer },
  ),
  configChanged: info(
    'k8s.config.changed',
    `A ConfigMap or Secret was changed, or deleted and replaced; a warning if workloads use it. ${SAMPLED}`,
    { ...config, ...writer, ...repeated },
  ),
  configDeleted: info('k8s.config.deleted', 'A ConfigMap or Secret was deleted; an error if workloads use it.', config),
  helmReleased: info(
    'k8s.helm.released',
    'Helm has installed, upgraded or begun to uninstall a release, or failed to: see the status. Only with `watch_secret_names`.',
    {
      ...inNamespace,
      'k8s.helm.release': 'Name of the release.',
      'k8s.helm.revision': 'Revision of the release.',
      'k8s.helm.status': '`deployed`, `failed` or `uninstalling`.',
    },
  ),
}
