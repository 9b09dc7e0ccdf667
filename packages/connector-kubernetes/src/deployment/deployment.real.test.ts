import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  agentOptionNames,
  configFromEnvironment,
  environmentName,
  parseConfig,
  planDeployment,
  type RawConfig,
} from '@rca/core'
import { helmProgram, run } from '@rca/rig'
import { realDescribe } from '@rca/rig/real'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { kubernetes } from '../../test/deploying-connector.ts'
import { configSchema } from '../config.ts'

const chart = fileURLToPath(new URL('../../../../apps/agent/chart', import.meta.url))

const isInstalled = (shell: string): boolean => spawnSync(shell, ['-c', 'exit 0']).status === 0
const shells = ['sh', 'bash', 'dash', 'zsh'].filter(isInstalled)

const helm = await helmProgram().then(
  async (program) => run(program, ['version', '--short']).then(() => program),
  () => undefined,
)

/** Creates a folder for one test. */
function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'rca-deployment-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

interface PasteOptions {
  /** Output of `helm list`. */
  readonly releases?: string
  /** Output of `kubectl get`. */
  readonly objects?: string
  /** Exit code of `helm list`. */
  readonly list?: number
  /** Exit code of `kubectl get`. */
  readonly get?: number
  /** Output of `kubectl get secret` and `kubectl get configmap`, the keys of the object. */
  readonly keys?: string
  /** Exit code of `helm test`. */
  readonly test?: number
  /** Expected exit code of the command. */
  readonly status?: number
  /** Expected error output of the command. */
  readonly errors?: string
}

/** Pastes a command into a shell with a `helm` and a `kubectl` that only record their calls. Returns these in order. */
function paste(shell: string, command: string, options: PasteOptions = {}) {
  const { releases = '', objects = '', list = 0, get = 0, test: code = 0, status = 0 } = options
  const { keys = 'key\nca.crt', errors = '' } = options
  const path = folder()
  const calls = join(path, 'calls')
  writeFileSync(calls, '')
  for (const name of ['helm', 'kubectl']) {
    writeFileSync(
      join(path, name),
      // The reader of a pipe records its call at the end of the input, so that the order is always the same.
      `#!/bin/sh
case "$*" in *--filename\\ -) cat > /dev/null ;; esac
printf '%s\\0' ${name} "$@" '' >> ${calls}
case "$*" in
list\\ *) printf %s '${releases}'; exit ${list} ;;
*\\ get\\ secret\\ * | *\\ get\\ configmap\\ *) echo '${keys}' ;;
*\\ get\\ configmaps,secrets\\ *) printf %s '${objects}'; exit ${get} ;;
test\\ *) exit ${code} ;;
esac
`,
    )
    chmodSync(join(path, name), 0o755)
  }
  const result = spawnSync(shell, ['-c', command], {
    env: { PATH: `${path}${delimiter}${process.env.PATH}` },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  expect({ status: result.status, stderr: result.stderr }).toEqual({ status, stderr: errors })
  return readFileSync(calls, 'utf8')
    .split('\0\0')
    .filter((call) => call !== '')
    .map((call) => call.split('\0'))
}

interface PlanOptions {
  readonly config?: RawConfig
  readonly token?: string
}

function plan({ config = {}, token = 'k8s-token' }: PlanOptions = {}) {
  return planDeployment(kubernetes, { platformUrl: 'https://api.example.com', agentToken: token, config })
}

/** Pastes into every shell, and expects the same calls from all. */
function pasteAll(command: string, options?: PasteOptions): string[][] {
  const [first = [], ...others] = shells.map((shell) => paste(shell, command, options))
  for (const other of others) expect(other).toEqual(first)
  return first
}

const hostile = '$(reboot)`reboot`"\'\\n\\$HOME ${HOME} $$ %s * ~ ;&|<>#!{a,b}\n - key: ü'
const hostileToken = 'agent_a$(id)`id`\'";&|,{x},\\,=[0].b'

realDescribe('the pasted helm command', shells.includes('sh') ? {} : { missing: 'a POSIX shell' }, () => {
  test('adds the repository, then installs or updates', () => {
    const calls = pasteAll(plan({ config: { namespace: 'monitoring', replicas: '2' } }).command)
    expect(calls).toEqual([
      ['helm', 'repo', 'add', 'incident-rca', 'https://api.example.com/charts', '--force-update'],
      [
        ...['helm', 'upgrade', '--install', 'incident-rca', 'incident-rca/agent'],
        ...['--namespace', 'monitoring', '--create-namespace', '--wait'],
        ...['--set-string', 'platformUrl=https://api.example.com'],
        ...['--set-string', 'agentToken=k8s-token'],
        ...['--set-string', 'replicas=2'],
      ],
    ])
  })

  test('passes every value as one word and runs no part of it', () => {
    const canary = join(folder(), 'was-run')
    const config = { context: hostile, no_proxy: hostile, object_labels: [`$(touch ${canary})`] }
    const calls = pasteAll(plan({ config, token: hostileToken }).command)
    expect(existsSync(canary)).toBe(false)
    const [, words = []] = calls
    expect(calls).toHaveLength(2)
    expect(words[words.indexOf('--kube-context') + 1]).toBe(hostile)
    expect(words.filter((word) => word.startsWith('objectLabels='))).toEqual([`objectLabels=$(touch ${canary})`])
  })

  test('creates namespace, Secret and ConfigMap in the kubectl alternative, then applies the manifests', () => {
    const config = { context: hostile, object_labels: [hostile.replaceAll(',', '')] }
    const { alternatives } = plan({ config, token: hostileToken })
    const calls = pasteAll(alternatives?.kubectl?.command ?? '')
    const made = calls.map((words) => words.filter((word) => !word.startsWith('--')))
    const inPipes = made.filter((words) => words.includes('create')).map((words) => words.slice(1))
    expect(inPipes).toContainEqual(expect.arrayContaining([`agent-token=${hostileToken}`]))
    expect(inPipes).toContainEqual(expect.arrayContaining([`OBJECT_LABELS=${hostile.replaceAll(',', '')}`]))
    expect(calls.filter((words) => words.includes('--server-side'))).toHaveLength(3)
    expect(calls.at(-2)).toEqual([
      ...['kubectl', '--context', hostile, 'apply', '--filename'],
      'https://api.example.com/manifests/agent.yaml?namespace=incident-rca',
    ])
  })

  test('installs nothing, and says what to create, if a Secret or a ConfigMap lacks the key', () => {
    const config = { existing_secret: 'mine', existing_secret_key: 'key', ca_config_map: 'authority' }
    const { command } = plan({ config })
    const problem = (object: string): string =>
      `The namespace incident-rca needs the ${object}: create it, then run the command again.\n`
    const programs = (options: PasteOptions): string[] =>
      pasteAll(command, options).map((words) => words.slice(0, 2).join(' '))
    const missing = { keys: 'a-key\nkeys', status: 1, errors: problem('Secret mine with the key key') }
    expect(programs(missing)).toEqual(['helm repo', 'kubectl --namespace'])
    const other = { keys: 'key\ncaXcrt', status: 1, errors: problem('ConfigMap authority with the key ca.crt') }
    expect(programs(other)).toEqual(['helm repo', 'kubectl --namespace', 'kubectl --namespace'])
    expect(programs({}).at(-1)).toBe('helm upgrade')
  })

  test('verifies with the log of the test, and fails if the test fails', () => {
    const { verify = '' } = plan()
    const calls = [
      'kubectl --namespace incident-rca rollout status deployment/incident-rca-agent --timeout 60s',
      'helm test incident-rca --namespace incident-rca --logs',
    ]
    expect(pasteAll(verify).map((words) => words.join(' '))).toEqual(calls)
    expect(pasteAll(verify, { test: 1, status: 1 }).map((words) => words.join(' '))).toEqual(calls)
  })

  test('uninstalls with the namespace if that holds nothing else', () => {
    const { uninstall = '' } = plan({ config: { context: hostile } })
    expect(pasteAll(uninstall).map(([name, ...words]) => [name, ...words.filter((word) => word !== hostile)])).toEqual([
      [
        ...['kubectl', '--context', '--namespace', 'incident-rca', 'delete', 'deployment/incident-rca-agent'],
        ...['pod/incident-rca-agent-test', '--cascade=foreground', '--ignore-not-found'],
      ],
      ['helm', 'uninstall', 'incident-rca', '--namespace', 'incident-rca', '--wait', '--kube-context'],
      ['helm', 'list', '--short', '--namespace', 'incident-rca', '--kube-context'],
      [
        ...['kubectl', '--context', '--namespace', 'incident-rca', 'get', 'configmaps,secrets'],
        ...['--selector', 'owner=helm', '--output', 'name'],
      ],
      [
        ...['kubectl', '--context', 'delete', 'namespace'],
        ...['--field-selector', 'metadata.name=incident-rca', '--selector', 'name=incident-rca'],
      ],
    ])
  })

  test.each<[string, PasteOptions]>([
    ['Helm lists another release', { releases: 'other' }],
    ['it holds a release that Helm does not list', { objects: 'secret/sh.helm.release.v1.other.v1' }],
    ['Helm fails', { list: 1, status: 1 }],
    ['the cluster does not respond', { get: 1, status: 1 }],
    ['both fail', { list: 1, get: 1, status: 1 }],
    ['Helm lists a release and fails', { releases: 'other', list: 1, status: 1 }],
  ])('uninstalls without the namespace if %s', (_case, options) => {
    const calls = pasteAll(plan().uninstall ?? '', options).map((words) => words.join(' '))
    expect(calls).toContain('helm uninstall incident-rca --namespace incident-rca --wait')
    expect(calls.filter((call) => call.includes('delete namespace'))).toEqual([])
  })
})

/** Returns a valid value for each option of the agent by its JSON Schema, the maximum of a number. */
function sampleValues(): RawConfig {
  const { properties = {} } = z.toJSONSchema(configSchema, { io: 'input' })
  const options = Object.entries(properties).filter(([name]) => agentOptionNames(kubernetes).includes(name))
  return Object.fromEntries(
    options.map(([name, schema]) => {
      const { type, maximum, default: fallback } = typeof schema === 'object' ? schema : {}
      if (type === 'boolean') return [name, fallback !== true]
      if (type === 'integer') return [name, maximum]
      return [name, type === 'array' ? ['sample'] : 'sample']
    }),
  )
}

realDescribe('the chart with the values of the command', helm === undefined ? { missing: 'helm' } : {}, () => {
  /** Returns the variables of the agent's container, as Kubernetes passes them on, and the token. */
  async function started(options: PlanOptions): Promise<{ environment: Record<string, string>; token: string }> {
    const words = pasteAll(plan(options).command).at(-1) ?? []
    const flags = words.slice(words.indexOf('--set-string'))
    const text = await run(helm ?? 'helm', ['template', 'incident-rca', chart, ...flags])
    const [, deployment = ''] = /(kind: Deployment[\s\S]*?)\n---/.exec(text) ?? []
    const variables = [...deployment.matchAll(/^ +- name: ([A-Z_]+)\n +value: (.+)$/gm)].map(
      ([, name = '', value = '']) => {
        const written = value.startsWith('"') ? (JSON.parse(value) as string) : value
        return [name, written.replaceAll('$$', '$')]
      },
    )
    const [, secret = ''] = /agent-token: "(.+)"/.exec(text) ?? []
    return { environment: Object.fromEntries(variables), token: Buffer.from(secret, 'base64').toString() }
  }

  /** Values other than the defaults. Options of text or a list that are not named here get `sample`. */
  const written: RawConfig = {
    ...sampleValues(),
    log_level: 'debug',
    collect_interval: '30s',
    heartbeat_interval: '20s',
    max_batch_size: 7,
    max_queue_size: 128,
    retry_count: 0,
    kubeconfig: '/etc/kubeconfig',
    kubeconfig_context: hostile,
    cluster_name: hostile,
    namespaces: ['shop', 'bank'],
    watch_secret_names: true,
    object_labels: [hostile.replaceAll(',', ''), 'app.kubernetes.io/*', '{x}'],
    crash_log_lines: 0,
    lease_name: 'mine',
  }

  test('passes every option of the agent unchanged', async () => {
    expect(Object.keys(written)).toEqual(expect.arrayContaining(agentOptionNames(kubernetes)))
    const { environment } = await started({ config: written })
    for (const name of agentOptionNames(kubernetes)) expect(environment, name).toHaveProperty(environmentName(name))
    const read = parseConfig(kubernetes, configFromEnvironment(kubernetes, environment))
    const meant = parseConfig(kubernetes, written)
    expect({ ...read.runtime, ...read.config }).toEqual({ ...meant.runtime, ...meant.config })
  })

  test('passes the platform’s address and any token unchanged', async () => {
    for (const token of [hostileToken, '123456', 'true', '{a}', 'null']) {
      const { environment, token: given } = await started({ token })
      expect(given).toBe(token)
      expect(environment).toMatchObject({ PLATFORM_API_URL: 'https://api.example.com', AGENT_TYPE: 'kubernetes' })
      expect(JSON.stringify(environment)).not.toContain(JSON.stringify(token))
    }
  })

  test('accepts every deployment-only option', async () => {
    const { environment } = await started({
      config: {
        replicas: 3,
        image: `r/a:1@sha256:${'0'.repeat(64)}`,
        image_pull_secrets: 'one,two',
        existing_secret: 'mine',
        existing_secret_key: 'key',
        https_proxy: 'http://proxy:3128',
        no_proxy: 'a,b',
        ca_config_map: 'authority',
      },
    })
    expect(environment).toMatchObject({
      HTTPS_PROXY: 'http://proxy:3128',
      NO_PROXY: expect.stringMatching(/,a,b$/),
      NODE_EXTRA_CA_CERTS: '/etc/rca-agent/ca/ca.crt',
    })
  })
})
