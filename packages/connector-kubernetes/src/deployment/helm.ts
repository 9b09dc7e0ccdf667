import { type Command, chartValues, command, type DeploymentTarget } from '@rca/core/connector'
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
export function installCommand(target: DeploymentTarget<KubernetesConfig>): Command {
  const { config, platformUrl } = target
  const repository = config.chart_repository ?? `${platformUrl.replace(/\/+$/, '')}/charts`
  const install = command(
    ...['helm', 'upgrade', '--install', config.release_name, `${REPOSITORY}/agent`],
    ['--namespace', config.namespace, '--create-namespace', '--wait'],
    contextFlag(config.context),
    config.chart_version === undefined ? [] : ['--version', config.chart_version],
    ...valuesOf(target).map((value) => ['--set-string', value]),
  )
  return command('helm', 'repo', 'add', REPOSITORY, repository, '--force-update').and(install, { newLine: true })
}

/** Lists the chart's values. Leaves out the token where a Secret of the operator's holds it. */
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
export function uninstallCommand({ config, deploymentSettings }: DeploymentTarget<KubernetesConfig>): Command {
  const { namespace, release_name: release } = config
  const objects = [`deployment/${fullName(release)}`, `pod/${testPodName(release)}`]
  const flags = ['--cascade=foreground', '--ignore-not-found']
  const removal = command(...kubectl(config), '--namespace', namespace, 'delete', ...objects, ...flags).and(
    command('helm', 'uninstall', release, '--namespace', namespace, '--wait', ...contextFlag(config.context)),
    { newLine: true },
  )
  if (namespace !== DEFAULT_NAMESPACE || deploymentSettings.namespace !== undefined) return removal
  const own = ['--field-selector', `metadata.name=${namespace}`, '--selector', `name=${namespace}`]
  return removal
    .and(command(command.assignment('left', releasesCommand(config).output())), { newLine: true })
    .and(command('test', '-n', command.raw`"$left"`).or(command(...kubectl(config), 'delete', 'namespace', ...own)), {
      newLine: true,
    })
}

/**
 * Lists the remaining Helm releases of the namespace, and fails if one of the two does not answer. `helm list` alone
 * would leave out releases that are pending, uninstalled or superseded: it shows these with `--all`, which Helm 4 no longer
 * has. They have a Secret or, with `HELM_DRIVER=configmap`, a ConfigMap; with `HELM_DRIVER=sql` only Helm knows them.
 */
function releasesCommand(config: KubernetesConfig): Command {
  const { namespace, context } = config
  const objects = ['configmaps,secrets', '--selector', 'owner=helm', '--output', 'name']
  return command('helm', 'list', '--short', '--namespace', namespace, ...contextFlag(context)).and(
    command(...kubectl(config), '--namespace', namespace, 'get', ...objects),
  )
}

/** Waits until the agents are ready, then runs a pod like theirs that reports what it can reach. Its log has warnings even if it succeeds. */
export function verifyCommand({ config }: DeploymentTarget<KubernetesConfig>): Command {
  const { namespace, release_name: release } = config
  const deployment = `deployment/${fullName(release)}`
  return command(...kubectl(config), '--namespace', namespace, 'rollout', 'status', deployment, '--timeout', '60s').and(
    command('helm', 'test', release, '--namespace', namespace, ...contextFlag(config.context), '--logs'),
  )
}

/** Name of the chart's objects for a release. */
export function fullName(release: string): string {
  return release.includes('agent') ? release : `${release}-agent`
}

/** Name of the pod of `helm test`. */
function testPodName(release: string): string {
  return `${fullName(release).slice(0, 58).replace(/-$/, '')}-test`
}

function contextFlag(context: string | undefined): string[] {
  return context === undefined ? [] : ['--kube-context', context]
}
