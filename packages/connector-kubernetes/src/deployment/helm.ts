import { chartValues, continued, type DeploymentTarget, type ShellCommand, sh } from '@rca/core/connector'
import { DEFAULT_NAMESPACE, type KubernetesConfig } from '../config.ts'
import { kubectl } from './kubectl.ts'

/** Options that a flag of the command or a value of another form carries. */
const CARRIED_OTHERWISE = ['namespace', 'release_name', 'chart_repository', 'chart_version', 'image', 'context']

/** Name under which the repository is known to Helm. */
const REPOSITORY = 'incident-rca'

/**
 * The specification's command. Two words of it differ, so that it can be pasted twice: `helm install` refuses a release
 * that is there, and `helm repo add` a name that stands for another address, or keeps a list of versions that has aged.
 * `helm upgrade --install` and `--force-update` do the same on the first paste, and bring up to date on every other.
 */
export function installCommand(target: DeploymentTarget<KubernetesConfig>): ShellCommand {
  const { config, platformUrl } = target
  const repository = config.chart_repository ?? `${platformUrl.replace(/\/+$/, '')}/charts`
  return continued([
    sh`helm repo add ${REPOSITORY} ${repository} --force-update &&`,
    sh`helm upgrade --install ${config.release_name} ${REPOSITORY}/agent`,
    sh`--namespace ${config.namespace} --create-namespace --wait`,
    ...(config.context === undefined ? [] : [sh`--kube-context ${config.context}`]),
    ...(config.chart_version === undefined ? [] : [sh`--version ${config.chart_version}`]),
    ...valuesOf(target).map((value) => sh`--set-string ${value}`),
  ])
}

/** What the chart is given. The token is left out where a Secret of the operator's holds it. */
function valuesOf(target: DeploymentTarget<KubernetesConfig>): string[] {
  const [platformUrl = '', agentToken = '', ...others] = chartValues(target, { omit: CARRIED_OTHERWISE })
  const { existing_secret: secret, image } = target.config
  return [platformUrl, ...(secret === undefined ? [agentToken] : []), ...others, ...imageValues(image)]
}

/** The parts of an image reference, as the chart takes them. */
function imageValues(reference: string | undefined): string[] {
  if (reference === undefined) return []
  const [name = '', digest] = reference.split('@')
  const [, repository = name, tag] = /^(.+):([^/:]+)$/.exec(name) ?? []
  return [
    `image.repository=${repository}`,
    ...(tag === undefined ? [] : [`image.tag=${tag}`]),
    ...(digest === undefined ? [] : [`image.digest=${digest}`]),
  ]
}

/**
 * Ends the agents while they still may do what they need, and waits for their pods, which Helm does not before 3.12; takes
 * away the pod of the last test (which Helm keeps for its log), and the release. The namespace goes only where it is the
 * one that the command made by itself: the operator named none, Helm made it (and labelled it so), and no other release is
 * in it. Where that cannot be asked, the namespace stays, and the command fails. A namespace that the operator named stays:
 * what else they keep in it cannot be known here.
 */
export function uninstallCommand({ config, deploymentSettings }: DeploymentTarget<KubernetesConfig>): ShellCommand {
  const { namespace, release_name: release } = config
  const flags = contextFlag(config.context)
  const removal = sh`${kubectl(config)} --namespace ${namespace} delete ${`deployment/${fullName(release)}`} ${`pod/${testPodName(release)}`} --cascade=foreground --ignore-not-found &&
  helm uninstall ${release} --namespace ${namespace} --wait ${flags}`
  if (namespace !== DEFAULT_NAMESPACE || deploymentSettings.namespace !== undefined) return removal
  const mine = [`metadata.name=${namespace}`, `name=${namespace}`] as const
  return sh`${removal} &&
  left=$( ${releasesCommand(config)} ) &&
  { [ -n "$left" ] || ${kubectl(config)} delete namespace --field-selector ${mine[0]} --selector ${mine[1]}; }`
}

/**
 * Names what is left of Helm's releases in the namespace, and fails where one of the two does not answer. `helm list` alone
 * would leave out releases that are pending, uninstalled or superseded: it shows these with `--all`, which Helm 4 has no
 * more. They have a Secret or, with `HELM_DRIVER=configmap`, a ConfigMap; with `HELM_DRIVER=sql` only Helm knows.
 */
function releasesCommand(config: KubernetesConfig): ShellCommand {
  const { namespace } = config
  return sh`helm list --short --namespace ${namespace} ${contextFlag(config.context)} && ${kubectl(config)} --namespace ${namespace} get configmaps,secrets --selector owner=helm --output name`
}

/** Waits until the agents are ready, then asks one like them what it can reach. Shows what it says: where that is not all, it may succeed with warnings. */
export function verifyCommand({ config }: DeploymentTarget<KubernetesConfig>): ShellCommand {
  const { namespace, release_name: release } = config
  return sh`${kubectl(config)} --namespace ${namespace} rollout status ${`deployment/${fullName(release)}`} --timeout 60s && helm test ${release} --namespace ${namespace} ${contextFlag(config.context)} --logs`
}

/** What the chart calls its objects for a release. */
export function fullName(release: string): string {
  return release.includes('agent') ? release : `${release}-agent`
}

/** What the chart calls the pod of `helm test`. */
function testPodName(release: string): string {
  return `${fullName(release).slice(0, 58).replace(/-$/, '')}-test`
}

function contextFlag(context: string | undefined): string[] {
  return context === undefined ? [] : ['--kube-context', context]
}
