import type { Deployment, DeploymentTarget } from '@rca/core'
import type { KubernetesConfig } from '../config.ts'
import { installCommand, uninstallCommand, verifyCommand } from './helm.ts'
import { fitsManifests, manifestsDeployment } from './manifests.ts'

/**
 * How an agent is deployed to a cluster: by Helm, with the chart that the platform serves, or, as the alternative `kubectl`,
 * by plain manifests wherever these can do what was asked.
 */
export function deploy(target: DeploymentTarget<KubernetesConfig>): Deployment {
  return {
    prerequisites: prerequisitesOf(target),
    command: installCommand(target),
    verify: verifyCommand(target),
    uninstall: uninstallCommand(target),
    notes: notesOf(target),
    ...(fitsManifests(target) && { alternatives: { kubectl: manifestsDeployment(target) } }),
  }
}

function prerequisitesOf({ config }: DeploymentTarget<KubernetesConfig>): string[] {
  const { namespace, existing_secret: secret, existing_secret_key: key, ca_config_map: authority } = config
  return [
    'Helm 3.9 or newer and kubectl are installed and reach a cluster of Kubernetes 1.20 or newer',
    'you may create roles in the cluster (`kubectl auth can-i create clusterroles` answers `yes`)',
    `the nodes have the image \`${config.image ?? 'incident-rca/agent:latest'}\` or can pull it`,
    ...(secret === undefined
      ? []
      : [`the namespace \`${namespace}\` has the Secret \`${secret}\` with the agent token under the key \`${key}\``]),
    ...(authority === undefined
      ? []
      : [
          `the namespace \`${namespace}\` has the ConfigMap \`${authority}\` with the certificates under the key \`ca.crt\``,
        ]),
  ]
}

function notesOf({ config, deploymentSettings }: DeploymentTarget<KubernetesConfig>): string[] {
  return [
    'The agent reads and changes nothing but its own Lease. It may read no Secret unless `watch_secret_names` says so.',
    ...(config.existing_secret === undefined
      ? []
      : ['The command does not contain the agent token: it is to be put into the Secret before.']),
    'Running the command again brings the agent up to date and replaces its settings by those of the command.',
    deploymentSettings.namespace === undefined
      ? `Uninstalling removes the namespace \`${config.namespace}\` too, where Helm made it and no other release is in it.`
      : `Uninstalling keeps the namespace \`${config.namespace}\`.`,
  ]
}
