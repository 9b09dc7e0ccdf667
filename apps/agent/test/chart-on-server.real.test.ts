import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ApiServer, findKubectl, helmProgram, missingForApiServer, run, startApiServer } from '@rca/rig'
import { realDescribe } from '@rca/rig/real'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

const chart = fileURLToPath(new URL('../chart', import.meta.url))
const manifests = fileURLToPath(new URL('../manifests/agent.yaml', import.meta.url))

const kubectl = await findKubectl()
const helm = await helmProgram().then(
  async (program) => run(program, ['version', '--short']).then(() => program),
  () => undefined,
)
const absence =
  kubectl === undefined || helm === undefined ? { missing: '`kubectl` or helm' } : await missingForApiServer()

const AGENT = 'system:serviceaccount:monitoring:incident-rca-agent'

// Each test runs a dozen programs, possibly on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

realDescribe('the chart on a real API server', absence, () => {
  const folder = mkdtempSync(join(tmpdir(), 'rca-chart-'))
  let server: ApiServer

  beforeAll(async () => {
    server = await startApiServer({ folder: join(folder, 'server'), controllers: true })
    for (const namespace of ['monitoring', 'shop', 'bank', 'incident-rca'])
      await kubectlOutput('create', 'namespace', namespace)
  }, 60_000)
  afterAll(async () => {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }, 60_000)

  const kubectlOutput = async (...words: string[]): Promise<string> =>
    run(kubectl ?? '', ['--kubeconfig', server.kubeconfig, ...words])
  const runHelm = async (...words: string[]): Promise<string> =>
    run(helm ?? '', [...words, '--namespace', 'monitoring'], {
      env: { KUBECONFIG: server.kubeconfig, HELM_CACHE_HOME: folder, HELM_CONFIG_HOME: folder, HELM_DATA_HOME: folder },
    })
  const flags = (strings: readonly string[], values: readonly string[] = []): string[] => [
    ...['platformUrl=https://api.example.com', ...strings].flatMap((value) => ['--set-string', value]),
    ...values.flatMap((value) => ['--set', value]),
  ]
  const canAgent = async (verb: string, resource: string, ...words: string[]): Promise<boolean> =>
    kubectlOutput('auth', 'can-i', verb, resource, '--as', AGENT, ...words).then(
      () => true,
      () => false,
    )
  const remaining = (): Promise<string> =>
    kubectlOutput(
      'get',
      'deployments,secrets,configmaps,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings,leases,networkpolicies,poddisruptionbudgets,pods',
      '--all-namespaces',
      '--selector=app.kubernetes.io/instance=incident-rca',
      '--output=name',
    )

  const combinations: [string, string[], string[]][] = [
    ['required values only', ['agentToken=t'], []],
    ['replicas', ['agentToken=t', 'replicas=2', 'logLevel=debug'], ['networkPolicy.enabled=true']],
    ['namespaces', ['agentToken=t', String.raw`namespaces=shop\,bank`], []],
    ['Secrets by name', ['agentToken=t', 'watchSecretNames=true'], []],
    ['a Secret for the key', ['agentToken=t', 'keySecret=agent-key'], []],
    ['an existing Secret', ['existingSecret=mine', 'caConfigMap=ca', 'imagePullSecrets=pull'], []],
    [
      'a proxy and a certificate authority',
      ['agentToken=t', 'httpsProxy=http://p:1', 'ca=-----BEGIN CERTIFICATE-----'],
      [],
    ],
    [
      'all values of the pod',
      ['agentToken=t', `image.digest=sha256:${'0'.repeat(64)}`, 'priorityClassName=system-cluster-critical'],
      [
        ...['nodeSelector.disk=ssd', 'tolerations[0].operator=Exists', 'podLabels.team=x', 'podAnnotations.note=y'],
        ...['resources.limits.cpu=1', 'extraEnv[0].name=A', 'extraEnv[0].value=b', 'config.brokerUrl=http://b'],
        ...['extraVolumes[0].name=v', 'extraVolumes[0].emptyDir.medium=Memory'],
        ...['extraVolumeMounts[0].name=v', 'extraVolumeMounts[0].mountPath=/v'],
      ],
    ],
  ]

  test.each(combinations)('renders objects that the server accepts: %s', async (_name, strings, values) => {
    // `--validate` reads the API versions from the server.
    const text = await runHelm('template', 'incident-rca', chart, '--validate', ...flags(strings, values))
    const answer = await run(
      kubectl ?? '',
      ['--kubeconfig', server.kubeconfig, 'apply', '--dry-run=server', '--filename', '-'],
      { input: text },
    )
    expect(answer).toContain('deployment.apps/incident-rca-agent created (server dry run)')
    expect(answer.trim().split('\n')).toHaveLength(text.split(/^kind: /m).length - 1)
  })

  test('installs, upgrades, and uninstalls without leaving objects behind', async () => {
    const install = ['upgrade', '--install', 'incident-rca', chart]
    expect(await runHelm(...install, ...flags(['agentToken=first', 'replicas=2']))).toContain('REVISION: 1')
    const lease = ['lease/incident-rca-agent', '--namespace=monitoring']
    const held = JSON.parse(await kubectlOutput('get', ...lease, '--output=json', `--as=${AGENT}`)) as object
    await run(kubectl ?? '', ['--kubeconfig', server.kubeconfig, 'replace', '--filename=-', `--as=${AGENT}`], {
      input: JSON.stringify({ ...held, spec: { holderIdentity: 'one' } }),
    })
    expect(await runHelm(...install, ...flags(['agentToken=second', 'replicas=1']))).toContain('REVISION: 2')
    expect(await kubectlOutput('get', ...lease, '--output=jsonpath={.spec.holderIdentity}')).toBe('one')
    expect(await kubectlOutput('get', 'poddisruptionbudgets', '--namespace=monitoring', '--output=name')).toBe('')
    await runHelm('uninstall', 'incident-rca', '--wait')
    expect(await remaining()).toBe('')
    expect(
      await kubectlOutput('get', 'secrets', '--namespace=monitoring', '--selector=owner=helm', '--output=name'),
    ).toBe('')
  })

  test('lets the agent keep its key in one Secret, which an upgrade keeps and an uninstallation removes', async () => {
    const install = ['upgrade', '--install', 'incident-rca', chart]
    await runHelm(...install, ...flags(['agentToken=first', 'keySecret=agent-key']))
    const secret = ['secret/agent-key', '--namespace=monitoring']
    const empty = JSON.parse(await kubectlOutput('get', ...secret, '--output=json', `--as=${AGENT}`)) as object
    await run(kubectl ?? '', ['--kubeconfig', server.kubeconfig, 'replace', '--filename=-', `--as=${AGENT}`], {
      input: JSON.stringify({ ...empty, data: { 'key-1': 'YQ==' } }),
    })
    for (const [verb, resource] of [
      ['get', 'secrets/incident-rca-agent'],
      ['update', 'secrets/incident-rca-agent'],
      ['list', 'secrets'],
      ['create', 'secrets'],
      ['delete', 'secrets/agent-key'],
    ] as const)
      expect(await canAgent(verb, resource, '--namespace=monitoring'), `${verb} ${resource}`).toBe(false)
    await runHelm(...install, ...flags(['agentToken=second', 'keySecret=agent-key']))
    expect(await kubectlOutput('get', ...secret, '--output=jsonpath={.data}')).toBe('{"key-1":"YQ=="}')
    await runHelm('uninstall', 'incident-rca', '--wait')
    expect(await remaining()).toBe('')
  })

  test('lets the agent read what it collects, and nothing more', async () => {
    await runHelm('install', 'incident-rca', chart, ...flags(['agentToken=t']))
    for (const resource of [
      'pods',
      'nodes',
      'deployments.apps',
      'events',
      'resourcequotas',
      'configmaps',
      'namespaces',
    ])
      for (const verb of ['list', 'watch']) expect(await canAgent(verb, resource), `${verb} ${resource}`).toBe(true)
    expect(await canAgent('get', 'namespaces')).toBe(true)
    expect(await canAgent('get', 'pods')).toBe(true)
    expect(await canAgent('get', 'pods', '--subresource=log', '--namespace=shop')).toBe(true)
    expect(await canAgent('get', 'nodes', '--subresource=proxy')).toBe(true)
    expect(await canAgent('update', 'leases.coordination.k8s.io/incident-rca-agent', '--namespace=monitoring')).toBe(
      true,
    )
    for (const [verb, resource] of [
      ['get', 'nodes'],
      ['get', 'configmaps'],
      ['get', 'secrets'],
      ['list', 'secrets'],
      ['delete', 'pods'],
      ['update', 'configmaps'],
      ['create', 'leases.coordination.k8s.io'],
      ['update', 'leases.coordination.k8s.io/other'],
    ] as const)
      expect(await canAgent(verb, resource, '--namespace=monitoring'), `${verb} ${resource}`).toBe(false)

    expect(await canAgent('create', 'nodes', '--subresource=proxy')).toBe(false)
    expect(await canAgent('create', 'pods', '--subresource=exec', '--namespace=monitoring')).toBe(false)

    await runHelm('upgrade', 'incident-rca', chart, ...flags(['agentToken=t', 'namespaces=shop']))
    expect(await canAgent('list', 'pods', '--namespace=shop')).toBe(true)
    expect(await canAgent('get', 'namespaces/kube-system', '--namespace=kube-system')).toBe(true)
    for (const namespace of ['bank', 'kube-system', 'monitoring'])
      expect(await canAgent('list', 'pods', `--namespace=${namespace}`), namespace).toBe(false)
    expect(await canAgent('list', 'nodes')).toBe(false)
    await runHelm('uninstall', 'incident-rca', '--wait')
    expect(await remaining()).toBe('')
  })

  test('can be installed from plain manifests', async () => {
    expect(await kubectlOutput('apply', '--filename', manifests)).toContain(
      'deployment.apps/incident-rca-agent created',
    )
    expect(await kubectlOutput('apply', '--filename', manifests)).not.toMatch(/created|configured/)
    await kubectlOutput('delete', '--filename', manifests)
    expect(await remaining()).toBe('')
  })
})
