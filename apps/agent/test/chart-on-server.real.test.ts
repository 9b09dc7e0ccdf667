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

// A dozen programs each, beside whatever else this machine does.
vi.setConfig({ testTimeout: 120_000 })

realDescribe('the chart on a real API server', absence, () => {
  const folder = mkdtempSync(join(tmpdir(), 'rca-chart-'))
  let server: ApiServer

  beforeAll(async () => {
    server = await startApiServer({ folder: join(folder, 'server'), controllers: true })
    for (const namespace of ['monitoring', 'shop', 'bank', 'incident-rca']) await ask('create', 'namespace', namespace)
  }, 60_000)
  afterAll(async () => {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }, 60_000)

  const ask = async (...words: string[]): Promise<string> =>
    run(kubectl ?? '', ['--kubeconfig', server.kubeconfig, ...words])
  const runHelm = async (...words: string[]): Promise<string> =>
    run(helm ?? '', [...words, '--namespace', 'monitoring'], {
      env: { KUBECONFIG: server.kubeconfig, HELM_CACHE_HOME: folder, HELM_CONFIG_HOME: folder, HELM_DATA_HOME: folder },
    })
  const flags = (strings: readonly string[], values: readonly string[] = []): string[] => [
    ...['platformUrl=https://api.example.com', ...strings].flatMap((value) => ['--set-string', value]),
    ...values.flatMap((value) => ['--set', value]),
  ]
  const may = async (verb: string, resource: string, ...words: string[]): Promise<boolean> =>
    ask('auth', 'can-i', verb, resource, '--as', AGENT, ...words).then(
      () => true,
      () => false,
    )
  const remaining = (): Promise<string> =>
    ask(
      'get',
      'deployments,secrets,configmaps,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings,leases,networkpolicies,poddisruptionbudgets,pods',
      '--all-namespaces',
      '--selector=app.kubernetes.io/instance=incident-rca',
      '--output=name',
    )

  const combinations: [string, string[], string[]][] = [
    ['what is needed alone', ['agentToken=t'], []],
    ['replicas', ['agentToken=t', 'replicas=2', 'logLevel=debug'], ['networkPolicy.enabled=true']],
    ['namespaces', ['agentToken=t', String.raw`namespaces=shop\,bank`], []],
    ['Secrets by name', ['agentToken=t', 'watchSecretNames=true'], []],
    ['a Secret that is there', ['existingSecret=mine', 'caConfigMap=ca', 'imagePullSecrets=pull'], []],
    ['a proxy and an authority', ['agentToken=t', 'httpsProxy=http://p:1', 'ca=-----BEGIN CERTIFICATE-----'], []],
    [
      'everything about pods',
      ['agentToken=t', `image.digest=sha256:${'0'.repeat(64)}`, 'priorityClassName=system-cluster-critical'],
      [
        ...['nodeSelector.disk=ssd', 'tolerations[0].operator=Exists', 'podLabels.team=x', 'podAnnotations.note=y'],
        ...['resources.limits.cpu=1', 'extraEnv[0].name=A', 'extraEnv[0].value=b', 'config.brokerUrl=http://b'],
        ...['extraVolumes[0].name=v', 'extraVolumes[0].emptyDir.medium=Memory'],
        ...['extraVolumeMounts[0].name=v', 'extraVolumeMounts[0].mountPath=/v'],
      ],
    ],
  ]

  test.each(combinations)('makes what the server accepts: %s', async (_name, strings, values) => {
    // The server is asked for the versions that it has.
    const text = await runHelm('template', 'incident-rca', chart, '--validate', ...flags(strings, values))
    const answer = await run(
      kubectl ?? '',
      ['--kubeconfig', server.kubeconfig, 'apply', '--dry-run=server', '--filename', '-'],
      { input: text },
    )
    expect(answer).toContain('deployment.apps/incident-rca-agent created (server dry run)')
    expect(answer.trim().split('\n')).toHaveLength(text.split(/^kind: /m).length - 1)
  })

  test('is installed, brought up to date, and taken away without a trace', async () => {
    const install = ['upgrade', '--install', 'incident-rca', chart]
    expect(await runHelm(...install, ...flags(['agentToken=first', 'replicas=2']))).toContain('REVISION: 1')
    const lease = ['lease/incident-rca-agent', '--namespace=monitoring']
    const held = JSON.parse(await ask('get', ...lease, '--output=json', `--as=${AGENT}`)) as object
    await run(kubectl ?? '', ['--kubeconfig', server.kubeconfig, 'replace', '--filename=-', `--as=${AGENT}`], {
      input: JSON.stringify({ ...held, spec: { holderIdentity: 'one' } }),
    })
    expect(await runHelm(...install, ...flags(['agentToken=second', 'replicas=1']))).toContain('REVISION: 2')
    expect(await ask('get', ...lease, '--output=jsonpath={.spec.holderIdentity}')).toBe('one')
    expect(await ask('get', 'poddisruptionbudgets', '--namespace=monitoring', '--output=name')).toBe('')
    await runHelm('uninstall', 'incident-rca', '--wait')
    expect(await remaining()).toBe('')
    expect(await ask('get', 'secrets', '--namespace=monitoring', '--selector=owner=helm', '--output=name')).toBe('')
  })

  test('lets the agent read what it collects, and nothing else', async () => {
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
      for (const verb of ['get', 'list', 'watch']) expect(await may(verb, resource), `${verb} ${resource}`).toBe(true)
    expect(await may('get', 'pods/log', '--namespace=shop')).toBe(true)
    expect(await may('get', 'nodes/proxy')).toBe(true)
    expect(await may('update', 'leases.coordination.k8s.io/incident-rca-agent', '--namespace=monitoring')).toBe(true)
    for (const [verb, resource] of [
      ['get', 'secrets'],
      ['list', 'secrets'],
      ['create', 'nodes/proxy'],
      ['create', 'pods/exec'],
      ['delete', 'pods'],
      ['update', 'configmaps'],
      ['create', 'leases.coordination.k8s.io'],
      ['update', 'leases.coordination.k8s.io/other'],
    ] as const)
      expect(await may(verb, resource, '--namespace=monitoring'), `${verb} ${resource}`).toBe(false)

    await runHelm('upgrade', 'incident-rca', chart, ...flags(['agentToken=t', 'namespaces=shop']))
    expect(await may('list', 'pods', '--namespace=shop')).toBe(true)
    expect(await may('get', 'namespaces/kube-system', '--namespace=kube-system')).toBe(true)
    for (const namespace of ['bank', 'kube-system', 'monitoring'])
      expect(await may('list', 'pods', `--namespace=${namespace}`), namespace).toBe(false)
    expect(await may('list', 'nodes')).toBe(false)
    await runHelm('uninstall', 'incident-rca', '--wait')
    expect(await remaining()).toBe('')
  })

  test('is the same as plain manifests', async () => {
    expect(await ask('apply', '--filename', manifests)).toContain('deployment.apps/incident-rca-agent created')
    expect(await ask('apply', '--filename', manifests)).not.toMatch(/created|configured/)
    await ask('delete', '--filename', manifests)
    expect(await remaining()).toBe('')
  })
})
