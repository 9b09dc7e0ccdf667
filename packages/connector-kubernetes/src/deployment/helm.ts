import { type Command, command, type DeploymentTarget, settings } from '@rca/core/connector'
import { DEFAULT_NAMESPACE, type KubernetesConfig } from '../config.ts'
import { kubectl } from './kubectl.ts'

/** Options that the command passes as flags or as values of another form. */
const CARRIED_OTHERWISE = ['namespace', 'release_name', 'chart_repository', 'chart_version', 'image', 'context']

/** Name of the chart repository in Helm. */
const REPOSITORY = 'incident-rca'

/**
 * Returns the specification's command with two differences, so that it can be pasted twice: `helm install` fails if the
 * release exists, and `helm repo add` fails for another address or keeps an outdated index. `helm upgrade --install`
 * and `--force-update` install on the first paste and update on each later one.
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
  const steps = [command('helm', 'repo', 'add', REPOSITORY, repository, '--force-update'), ...existenceChecks(target)]
  return [...steps, install].reduce((previous, step) => previous.and(step, { newLine: true }))
}

/**
 * Returns commands that check that the objects which the pods need exist. Without them, the pods would wait for the
 * objects, and Helm for the pods, silently for minutes.
 */
function existenceChecks({ config }: DeploymentTarget<KubernetesConfig>): Command[] {
  const { existing_secret: secret, existing_secret_key: key, ca_config_map: authority } = config
  return [
    ...(secret === undefined ? [] : [keyCheck(config, 'secret', secret, key)]),
    ...(authority === undefined ? [] : [keyCheck(config, 'configmap', authority, 'ca.crt')]),
  ]
}

/** Fails with an explanation if the object lacks the key. Prints the key, never its value. */
function keyCheck(config: KubernetesConfig, kind: 'secret' | 'configmap', name: string, key: string): Command {
  const { namespace } = config
  const keys = ['--output', 'go-template={{range $key, $value := .data}}{{println $key}}{{end}}']
  const title = kind === 'secret' ? 'Secret' : 'ConfigMap'
  const problem = `The namespace ${namespace} needs the ${title} ${name} with the key ${key}: create it, then run the command again.`
  return command(...kubectl(config), '--namespace', namespace, 'get', kind, name, ...keys)
    .pipe(command('grep', '-Fx', key))
    .or(command('echo', problem).redirect('>', command.raw`&2`).and(command('false')))
}

/** Lists the chart's values. Leaves out the token where a Secret of the operator's holds it. */
function valuesOf(target: DeploymentTarget<KubernetesConfig>): string[] {
  const [platformUrl = '', agentToken = '', ...others] = settings.chartValues(target, { omit: CARRIED_OTHERWISE })
  const { existing_secret: secret, image } = target.config
  return [platformUrl, ...(secret === undefined ? [agentToken] : []), ...others, ...imageValues(image)]
}

/** Splits an image reference into the chart's values. */
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
 * Returns the command that removes the agent. It stops the agents while they still have their permissions and waits for
 * their pods, which Helm before 3.12 does not; then it removes the pod of the last test, which Helm keeps for its log,
 * and the release. It removes the namespace only if the operator named none, Helm created it (and labelled it), and it
 * holds no other release. If that cannot be checked, the namespace stays and the command fails. A namespace that the
 * operator named stays, since it may hold other objects.
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
 * Lists the remaining Helm releases of the namespace, and fails if `helm` or `kubectl` fails. `helm list` alone omits
 * releases that are pending, uninstalled or superseded; `--all`, which lists them, no longer exists in Helm 4. Releases
 * are stored in a Secret or, with `HELM_DRIVER=configmap`, in a ConfigMap; with `HELM_DRIVER=sql` only Helm lists them.
 */
function releasesCommand(config: KubernetesConfig): Command {
  const { namespace, context } = config
  const objects = ['configmaps,secrets', '--selector', 'owner=helm', '--output', 'name']
  return command('helm', 'list', '--short', '--namespace', namespace, ...contextFlag(context)).and(
    command(...kubectl(config), '--namespace', namespace, 'get', ...objects),
  )
}

/**
 * Waits until the agents are ready, then runs a pod like theirs that checks permissions and connections. Its log may
 * hold warnings even if it succeeds.
 */
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
