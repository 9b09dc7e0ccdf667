import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { planDeployment, type RawConfig } from '@rca/core'
import { type ApiServer, findKubectl, helmProgram, missingForApiServer, run, startApiServer } from '@rca/rig'
import { realDescribe } from '@rca/rig/real'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { kubernetes } from '../../test/deploying-connector.ts'
import { type KindDefinition, kinds } from '../kinds/index.ts'

const agentFolder = fileURLToPath(new URL('../../../../apps/agent', import.meta.url))

const kubectl = await findKubectl()
const helm = await helmProgram().then(
  async (program) => run(program, ['version', '--short']).then(() => program),
  () => undefined,
)
const absence =
  kubectl === undefined || helm === undefined ? { missing: '`kubectl` or helm' } : await missingForApiServer()

// Each test runs a dozen programs, maybe beside other load.
vi.setConfig({ testTimeout: 120_000 })

realDescribe('the deployment commands on a real API server', absence, () => {
  const folder = mkdtempSync(join(tmpdir(), 'rca-deployment-'))
  let server: ApiServer
  let platform: Server
  let platformUrl = ''

  beforeAll(async () => {
    server = await startApiServer({ folder: join(folder, 'server'), controllers: true })
    await run(helm ?? '', ['package', join(agentFolder, 'chart'), '--destination', join(folder, 'charts')])
    await run(helm ?? '', ['repo', 'index', join(folder, 'charts')])
    // Serves the chart and the manifests, as the platform does.
    platform = createServer((request, response) => {
      const path = request.url?.split('?', 1)[0] ?? ''
      response.end(readFileSync(path.startsWith('/manifests/') ? join(agentFolder, path) : join(folder, path)))
    })
    await new Promise<void>((resolve) => platform.listen(0, '127.0.0.1', resolve))
    platformUrl = `http://127.0.0.1:${(platform.address() as AddressInfo).port}`
  }, 60_000)
  afterAll(async () => {
    platform.close()
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }, 60_000)

  const plan = (config: RawConfig = {}) => planDeployment(kubernetes, { platformUrl, agentToken: 'k8s-token', config })
  /** Pastes a command without its wait for pods, since no pod runs here. */
  const paste = async (command = ''): Promise<string> =>
    run('sh', ['-c', command.replace(/(--create-namespace) --wait/, '$1')], {
      env: {
        ...{ HELM_CACHE_HOME: folder, HELM_CONFIG_HOME: folder, HELM_DATA_HOME: folder, HOME: folder },
        KUBECONFIG: server.kubeconfig,
        PATH: [dirname(helm ?? ''), process.env.PATH].join(delimiter),
      },
    })
  const runKubectl = async (...words: string[]): Promise<string> =>
    run(kubectl ?? '', ['--kubeconfig', server.kubeconfig, ...words])
  const namespaces = async (): Promise<string[]> =>
    (await runKubectl('get', 'namespaces', '--output=name')).trim().split('\n').sort()
  const labelled = (): Promise<string> =>
    runKubectl(
      'get',
      'deployments,secrets,configmaps,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings,leases,pods',
      '--all-namespaces',
      '--selector=app.kubernetes.io/part-of=incident-rca',
      '--output=name',
    )

  test('install, update when pasted again, and uninstall without leftovers', async () => {
    const before = await namespaces()
    const { command, uninstall } = plan({ log_level: 'debug', namespaces: 'default,kube-public' })
    expect(await paste(command)).toContain('REVISION: 1')
    expect(await paste(command)).toContain('REVISION: 2')
    expect(await namespaces()).toEqual([...before, 'namespace/incident-rca'].sort())
    await paste(uninstall)
    expect(await labelled()).toBe('')
    expect(await namespaces()).toEqual(before)
  })

  test('permit the agent to read the kinds of the connector, and Secrets only if the option is set', async () => {
    const { command, uninstall } = plan()
    const agent = 'system:serviceaccount:incident-rca:incident-rca-agent'
    /** Returns the agent's permissions by the server: verbs by resource, such as `pods.metrics.k8s.io`. */
    const permitted = async (): Promise<Map<string, string>> => {
      const table = await runKubectl('auth', 'can-i', '--list', '--no-headers', `--as=${agent}`, '--namespace=default')
      const lines = table.split('\n').map((line) => /^(\S+) .*\[([^\]]*)\]$/.exec(line.trim()))
      return new Map(lines.map((found) => [found?.[1] ?? '', found?.[2] ?? '']))
    }
    await paste(command)
    const verbs = await permitted()
    const definitions: readonly KindDefinition[] = Object.values(kinds)
    for (const { resource, versions, verbs: needed = ['list', 'watch'] } of definitions) {
      const [, group = ''] = /^(.+)\//.exec(versions[0] ?? '') ?? []
      const name = group === '' ? resource : `${resource}.${group}`
      const isOptIn = resource === 'secrets'
      expect([name, verbs.get(name)]).toEqual([name, isOptIn ? undefined : needed.join(' ')])
    }
    await paste(plan({ watch_secret_names: true }).command)
    expect((await permitted()).get('secrets')).toBe('list watch')
    await paste(uninstall)
  })

  test('fail at once, and say what to create, if the Secret of the token or its key does not exist', async () => {
    const { command } = plan({ namespace: 'kube-public', existing_secret: 'mine' })
    const [, check = ''] = command.split(/ && \\\n */)
    const problem = 'needs the Secret mine with the key agent-token: create it'
    await expect(paste(check)).rejects.toThrow(problem)
    const create = ['create', 'secret', 'generic', 'mine', '--namespace=kube-public', '--from-literal=other=hidden']
    await runKubectl(...create)
    await expect(paste(check)).rejects.toThrow(problem)
    await runKubectl('delete', 'secret', 'mine', '--namespace=kube-public')
    await runKubectl(...create, '--from-literal=agent-token=hidden')
    expect(await paste(check)).toBe('agent-token\n')
    await runKubectl('delete', 'secret', 'mine', '--namespace=kube-public')
  })

  test('keep a namespace that existed before, or that holds another release', async () => {
    await runKubectl('create', 'namespace', 'incident-rca')
    await paste(plan().command)
    await paste(plan().uninstall)
    expect(await namespaces()).toContain('namespace/incident-rca')
    await runKubectl('delete', 'namespace', 'incident-rca')

    const [first, second] = [plan(), plan({ release_name: 'second' })]
    // Helm stores the second release where it does not look for it when it removes the first.
    const elsewhere = 'export HELM_DRIVER=configmap\n'
    await paste(first.command)
    await paste(elsewhere + second.command)
    await paste(first.uninstall)
    expect(await namespaces()).toContain('namespace/incident-rca')
    await paste(elsewhere + second.uninstall)
    expect(await namespaces()).not.toContain('namespace/incident-rca')
    expect(await labelled()).toBe('')
  })

  test('need only the rights in the notes if the agent is confined to namespaces of a team', async () => {
    const [own, watched] = ['team-agents', 'team-shop']
    await runKubectl('create', 'clusterrole', 'team', '--verb=*', '--resource=*.*')
    for (const namespace of [own, watched]) {
      await runKubectl('create', 'namespace', namespace)
      await runKubectl('create', 'rolebinding', 'team', '--clusterrole=team', '--user=team', `--namespace=${namespace}`)
    }
    const { command, uninstall } = plan({ namespace: own, namespaces: watched })
    const asTeam = `${command.replace('--create-namespace --wait', '')} --kube-as-user team`
    await expect(paste(asTeam)).rejects.toThrow('in the namespace "kube-system"')
    expect(await paste(`${asTeam} --set rbac.readClusterId=false`)).toContain('REVISION: 1')
    expect(await labelled()).not.toContain('cluster-id')
    const agent = `system:serviceaccount:${own}:incident-rca-agent`
    const identity = ['get', `namespace/${watched}`, '--output=jsonpath={.metadata.uid}']
    expect(await runKubectl(...identity, `--as=${agent}`)).toBe(await runKubectl(...identity))
    await paste(uninstall)
    expect(await labelled()).toBe('')
  })

  test('install, update and uninstall without Helm', async () => {
    const { command, uninstall } = plan({ log_level: 'debug' }).alternatives?.kubectl ?? {}
    await paste(command)
    // `kubectl rollout restart` refuses to restart twice within one second.
    await sleep(1100)
    await paste(command)
    const name = ['incident-rca-agent', '--namespace=incident-rca']
    const secret = await runKubectl('get', 'secret', ...name, '--output=jsonpath={.data.agent-token}')
    expect(Buffer.from(secret, 'base64').toString()).toBe('k8s-token')
    const settings = await runKubectl('get', 'configmap', ...name, '--output=jsonpath={.data}')
    expect(JSON.parse(settings)).toEqual({ PLATFORM_API_URL: platformUrl, LOG_LEVEL: 'debug' })
    expect(await runKubectl('get', 'deployment', ...name, '--output=name')).toContain(
      'deployment.apps/incident-rca-agent',
    )
    await paste(uninstall)
    expect(await labelled()).toBe('')
    const left = await runKubectl('get', 'secrets,configmaps', '--namespace=incident-rca', '--output=name')
    expect(left).not.toContain('incident-rca-agent')
    await runKubectl('delete', 'namespace', 'incident-rca')
  })
})
