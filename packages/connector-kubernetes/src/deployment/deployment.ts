import type { Deployment, DeploymentTarget } from '@rca/core/connector'
import type { KubernetesConfig } from '../config.ts'
import { fullName, installCommand, uninstallCommand, verifyCommand } from './helm.ts'
import { fitsManifests, manifestsDeployment } from './manifests.ts'

/** Default of the chart. */
const DEFAULT_IMAGE = 'incident-rca/agent:latest'

/** Its uid identifies the cluster. Without a ClusterRole, the chart creates a Role in this namespace to read it. */
const IDENTITY_NAMESPACE = 'kube-system'

/**
 * Deploys the agent with Helm and the chart that the platform serves or, as the alternative `kubectl`, with plain
 * manifests if they support the options.
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
    rightsNeeded(config),
    `the nodes have the image \`${config.image ?? DEFAULT_IMAGE}\` or can pull it`,
    secret !== undefined &&
      `the namespace \`${namespace}\` has the Secret \`${secret}\` with the agent token under the key \`${key}\``,
    authority !== undefined &&
      `the namespace \`${namespace}\` has the ConfigMap \`${authority}\` with the certificates under the key \`ca.crt\``,
    authority !== undefined &&
      config.chart_repository === undefined &&
      'the machine on which the command is run trusts these certificates too, since it fetches the chart from the platform: its system does, or `--ca-file` with a file of them is added to `helm repo add`',
  ].filter((one) => one !== false)
}

/** Kubernetes refuses to grant rights that the operator does not have, except with `escalate`. */
function rightsNeeded({ namespace, namespaces }: KubernetesConfig): string {
  if (namespaces.length === 0)
    return 'you may create roles in the cluster (`kubectl auth can-i create clusterroles` answers `yes`)'
  const owned = [...new Set([namespace, ...namespaces])]
  const others = owned.includes(IDENTITY_NAMESPACE) ? '' : `, and may create roles in \`${IDENTITY_NAMESPACE}\``
  return `the ${namespaces.length === 1 ? 'namespace' : 'namespaces'} ${listed(namespaces)} ${namespaces.length === 1 ? 'exists' : 'exist'}, and you have all rights in ${listed(owned)} (\`kubectl auth can-i "*" "*" --namespace ${namespace}\` answers \`yes\`)${others}`
}

function listed(namespaces: readonly string[]): string {
  const names = namespaces.map((name) => `\`${name}\``)
  return names.length === 1 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

function notesOf(target: DeploymentTarget<KubernetesConfig>): string[] {
  const { config, deploymentSettings } = target
  return [
    config.key_secret === undefined
      ? 'The agent only reads, except for its own Lease. It may not read Secrets unless `watch_secret_names` is set.'
      : `The agent only reads, except for its own Lease and the Secret \`${config.key_secret}\` with its key. It may not read other Secrets unless \`watch_secret_names\` is set.`,
    config.existing_secret !== undefined &&
      'The command does not contain the agent token: put the token into the Secret first.',
    ...confinedNotes(config),
    ...renewalNotes(config),
    deploymentSettings.namespace === undefined
      ? `Uninstalling also removes the namespace \`${config.namespace}\` if Helm created it and it holds no other release.`
      : `Uninstalling keeps the namespace \`${config.namespace}\`.`,
  ].filter((note) => note !== false)
}

/** Alternatives for users whose permissions cover only some namespaces. */
function confinedNotes({ namespace, namespaces }: KubernetesConfig): (string | false)[] {
  const [first] = namespaces
  if (first === undefined) return []
  return [
    !namespaces.includes(IDENTITY_NAMESPACE) &&
      `Without rights in \`${IDENTITY_NAMESPACE}\`, append \`--set rbac.readClusterId=false\` to the command: the agent then identifies the cluster by the uid of the namespace \`${first}\`.`,
    `Without the right to create namespaces, remove \`--create-namespace\` from the command and have the namespace \`${namespace}\` created first.`,
  ]
}

/** Explains which parts another run of the command updates. */
function renewalNotes(config: KubernetesConfig): (string | false)[] {
  const { namespace, release_name: release, image, existing_secret: secret, ca_config_map: authority } = config
  const objects = [
    secret !== undefined && `the Secret \`${secret}\``,
    authority !== undefined && `the ConfigMap \`${authority}\``,
  ].filter((object) => object !== false)
  return [
    'Running the command again updates the chart and replaces the agent’s settings with those of the command.',
    isMovable(image) &&
      `Nodes that have the image \`${image ?? DEFAULT_IMAGE}\` keep using it even if the registry has a newer one of this name: to update, set \`image\` to a version or digest.`,
    objects.length > 0 &&
      `Agents read ${objects.join(' and ')} at start. After a change, run \`kubectl --namespace ${namespace} rollout restart deployment/${fullName(release)}\`.`,
  ]
}

/** Returns true for an image reference that may point to another image later. */
function isMovable(image: string | undefined): boolean {
  return image === undefined || !/:[^/:]+$/.test(image) || image.endsWith(':latest')
}
