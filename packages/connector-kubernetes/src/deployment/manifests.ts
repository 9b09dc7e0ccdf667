import {
  continued,
  type Deployment,
  type DeploymentTarget,
  environmentVariables,
  type ShellCommand,
  sh,
} from '@rca/core/connector'
import type { KubernetesConfig } from '../config.ts'
import { kubectl } from './kubectl.ts'

/** What the objects of the plain manifests are called, and the Secret and ConfigMap that they refer to. */
const NAME = 'incident-rca-agent'

/** Options that the plain manifests cannot carry: other objects or permissions would be needed. */
const HELM_ONLY = [
  'namespaces',
  'watch_secret_names',
  'lease_name',
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

/** Whether what the operator wrote can be deployed without Helm. */
export function fitsManifests({ settings, deploymentSettings }: DeploymentTarget<KubernetesConfig>): boolean {
  return HELM_ONLY.every((option) => !Object.hasOwn({ ...settings, ...deploymentSettings }, option))
}

/**
 * The agent without Helm: the manifests that the platform serves hold neither its token nor its settings, which stand in a
 * Secret and a ConfigMap of their own. Both are applied by the server, which keeps no copy of a token in an annotation.
 */
export function manifestsDeployment(target: DeploymentTarget<KubernetesConfig>): Omit<Deployment, 'alternatives'> {
  const { config, agentToken } = target
  const { namespace } = config
  const inNamespace = sh`${kubectl(config)} --namespace ${namespace}`
  const manifests = manifestsUrl(target)
  const settings = environmentVariables(target).filter((variable) => !/^(?:AGENT_TOKEN|AGENT_TYPE)=/.test(variable))
  return {
    prerequisites: [
      'kubectl 1.20 or newer is installed and reaches a cluster of Kubernetes 1.20 or newer with the rights of its administrator (`kubectl auth can-i "*" "*" --all-namespaces` answers `yes`)',
      'the nodes have the image `incident-rca/agent:latest` or can pull it',
    ],
    command: continued([
      applied(sh`kubectl create namespace ${namespace}`, config),
      sh`&& ${applied(sh`kubectl --namespace ${namespace} create secret generic ${NAME} --from-literal ${`agent-token=${agentToken}`}`, config)}`,
      sh`&& ${applied(sh`kubectl --namespace ${namespace} create configmap ${NAME} ${settings.flatMap((setting) => ['--from-literal', setting])}`, config)}`,
      sh`&& ${kubectl(config)} apply --filename ${manifests}`,
      sh`&& ${inNamespace} rollout restart ${`deployment/${NAME}`}`,
    ]),
    verify: sh`${inNamespace} rollout status ${`deployment/${NAME}`} --timeout 60s && ${inNamespace} logs --tail 20 ${`deployment/${NAME}`}`,
    uninstall: sh`${kubectl(config)} delete --cascade=foreground --ignore-not-found --filename ${manifests} && ${inNamespace} delete --ignore-not-found ${`secret/${NAME}`} ${`configmap/${NAME}`}`,
    notes: [
      `Uninstalling keeps the namespace \`${namespace}\`. The manifests are those of the chart with its defaults: replicas, another image, or namespaces to which the agent is confined need Helm.`,
    ],
  }
}

/** Writes the object instead of making it, and applies it: so that it may be there already. */
function applied(creation: ShellCommand, config: KubernetesConfig): ShellCommand {
  return sh`${creation} --dry-run=client --output yaml | ${kubectl(config)} apply --server-side --force-conflicts --filename -`
}

function manifestsUrl({ platformUrl, config }: DeploymentTarget<KubernetesConfig>): string {
  const url = `${platformUrl.replace(/\/+$/, '')}/manifests/agent.yaml`
  return `${url}?namespace=${config.namespace}`
}
