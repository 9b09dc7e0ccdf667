import { type Command, command, type Deployment, type DeploymentTarget, settings } from '@rca/core/connector'
import type { KubernetesConfig } from '../config.ts'
import { kubectl } from './kubectl.ts'

/** Name of the objects in the plain manifests, and of their Secret and ConfigMap. */
const NAME = 'incident-rca-agent'

/** Options that the plain manifests do not support: they need other objects or permissions. */
const HELM_ONLY = [
  'namespaces',
  'watch_secret_names',
  'lease_name',
  'key_secret',
  'release_name',
  'replicas',
  'chart_repository',
  'chart_version',
  'image',
  'image_pull_secrets',
  'existing_secret',
  'existing_secret_key',
  'https_proxy',
  'no_proxy',
  'ca_config_map',
]

/** Writes the object instead of creating it. */
const DRY_RUN = ['--dry-run=client', '--output', 'yaml']

/** Returns true if the operator's options can be deployed without Helm. */
export function fitsManifests({ settings, deploymentSettings }: DeploymentTarget<KubernetesConfig>): boolean {
  return HELM_ONLY.every((option) => !Object.hasOwn({ ...settings, ...deploymentSettings }, option))
}

/**
 * Deploys the agent without Helm. The manifests that the platform serves contain neither token nor settings; the
 * command creates a Secret and a ConfigMap for them with server-side apply, which does not copy the token into an
 * annotation.
 */
export function manifestsDeployment(target: DeploymentTarget<KubernetesConfig>): Omit<Deployment, 'alternatives'> {
  const { config, agentToken, platformUrl } = target
  const { namespace } = config
  const inNamespace = [...kubectl(config), '--namespace', namespace]
  const manifests = `${platformUrl.replace(/\/+$/, '')}/manifests/agent.yaml?namespace=${namespace}`
  const variables = settings
    .environmentVariables(target)
    .filter((variable) => !/^(?:AGENT_TOKEN|AGENT_TYPE)=/.test(variable))
  const secret = ['secret', 'generic', NAME, '--from-literal', `agent-token=${agentToken}`]
  const configMap = ['configmap', NAME, ...variables.flatMap((variable) => ['--from-literal', variable])]
  const steps = [
    applied(command('kubectl', 'create', 'namespace', namespace, ...DRY_RUN), config),
    applied(command('kubectl', '--namespace', namespace, 'create', ...secret, ...DRY_RUN), config),
    applied(command('kubectl', '--namespace', namespace, 'create', ...configMap, ...DRY_RUN), config),
    command(...kubectl(config), 'apply', '--filename', manifests),
    command(...inNamespace, 'rollout', 'restart', `deployment/${NAME}`),
  ]
  return {
    prerequisites: [
      'kubectl 1.20 or newer is installed and reaches a cluster of Kubernetes 1.20 or newer with the rights of its administrator (`kubectl auth can-i "*" "*" --all-namespaces` answers `yes`)',
      'the nodes have the image `incident-rca/agent:latest` or can pull it',
    ],
    command: steps.reduce((previous, step) => previous.and(step, { newLine: true })),
    verify: command(...inNamespace, 'rollout', 'status', `deployment/${NAME}`, '--timeout', '60s').and(
      command(...inNamespace, 'logs', '--tail', 20, `deployment/${NAME}`),
    ),
    uninstall: command(
      ...[...kubectl(config), 'delete', '--cascade=foreground', '--ignore-not-found', '--filename', manifests],
    ).and(command(...inNamespace, 'delete', '--ignore-not-found', `secret/${NAME}`, `configmap/${NAME}`)),
    notes: [
      `Uninstalling keeps the namespace \`${namespace}\`. The manifests are the chart with its defaults: replicas, another image, or a restriction to namespaces need Helm.`,
    ],
  }
}

/** Applies the object that a dry run writes, whether it exists or not. */
function applied(dryRun: Command, config: KubernetesConfig): Command {
  return dryRun.pipe(command(...kubectl(config), 'apply', '--server-side', '--force-conflicts', '--filename', '-'))
}
