import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Agent, createAgent, type Gap, silentLogger } from '@rca/core'
import { type ApiServer, findKubectl, missingForApiServer, run, startApiServer, type User } from '@rca/rig'
import { realDescribe } from '@rca/rig/real'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { inClusterAccess } from '../src/api/in-cluster.ts'
import { openApi } from '../src/api/open-api.ts'
import { openKubernetes } from '../src/client.ts'
import { type Cluster, openCluster } from '../src/cluster/cluster.ts'
import { kubernetes } from '../src/connector.ts'
import { type FickleNetwork, fickleNetwork } from './fickle-network.ts'
import { fakeFingerprint } from './fixtures.ts'

const kubectl = (await findKubectl()) ?? ''
const absence = kubectl === '' ? { missing: '`kubectl` is not installed' } : await missingForApiServer()
const PATIENCE = { timeout: 60_000, interval: 250 }

/** What a network, a server and its operators do to an agent. It is never started again. */
realDescribe('an agent', absence, () => {
  const folder = mkdtempSync(join(tmpdir(), 'rca-resilience-'))
  let server: ApiServer

  beforeAll(async () => {
    server = await startApiServer({ folder })
    await ask('create', 'namespace', 'shop')
  }, 90_000)
  afterAll(async () => {
    await server?.stop()
    rmSync(folder, { recursive: true, force: true })
  }, 60_000)

  const ask = (...words: string[]): Promise<string> =>
    run(kubectl, ['--kubeconfig', server.kubeconfigOf('admin'), ...words])

  /** A kubeconfig of a user that leads through a network. */
  const through = (network: FickleNetwork, user: User): string => {
    const file = join(folder, `through-${user}-${new URL(network.address).port}`)
    writeFileSync(file, readFileSync(server.kubeconfigOf(user), 'utf8').replaceAll(server.url, network.address))
    return file
  }
  const agentOf = (kubeconfig: string, config: object = {}): Agent => {
    const agent = createAgent({
      connector: kubernetes,
      platformUrl: 'https://127.0.0.1:9',
      agentToken: 'agent_test_token',
      config: { kubeconfig, ...config },
      logger: silentLogger,
    })
    onTestFinished(() => agent.stop({ deadline: '1s' }))
    return agent
  }
  const gapsOf = async (agent: Agent): Promise<readonly Gap[]> => (await agent.collectMetrics()).data.gaps
  const names = (cluster: Cluster): string[] =>
    [...cluster.objects('configMaps').values()].map(({ name }) => name).filter((name) => name !== 'kube-root-ca.crt')

  test('that loses permissions verb by verb says which, and sees again when it has them', async () => {
    const network = await fickleNetwork(new URL(server.url))
    const grant = async (verbs: string): Promise<void> => {
      const rules = [
        `{"apiGroups":[""],"resources":["namespaces"],"verbs":["get","list","watch"]}`,
        `{"apiGroups":["apps"],"resources":["deployments"],"verbs":[${verbs}]}`,
      ]
      const role = `{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":"shrinking"},"rules":[${rules}]}`
      await run(kubectl, ['--kubeconfig', server.kubeconfigOf('admin'), 'apply', '--filename=-'], { input: role })
      network.cut()
    }
    await grant('"list","watch"')
    await ask('create', 'clusterrolebinding', 'shrinking', '--clusterrole=shrinking', '--user=nobody')
    const agent = agentOf(through(network, 'nobody'))
    const told = async (): Promise<string> =>
      (await gapsOf(agent))
        .filter(({ scope }) => /deployments/.test(scope))
        .map(({ reason }) => reason)
        .join()
    await expect.poll(told, PATIENCE).toBe('')
    await grant('"list"')
    await expect.poll(told, PATIENCE).toContain('verb `watch` on resource `deployments` of API group `apps`')
    await grant('"get"')
    await expect.poll(told, PATIENCE).toMatch(/verb `(?:list|watch)` on resource `deployments` of API group `apps`/)
    await grant('"list","watch"')
    // What may not be watched is listed every minute or so.
    await expect.poll(told, { ...PATIENCE, timeout: 120_000 }).toBe('')
    // What nobody ever granted stands there all the time.
    const others = (await gapsOf(agent)).map(({ reason }) => reason).join()
    for (const resource of ['pods', 'services', 'configmaps', 'events', 'nodes'])
      expect(others).toContain(`verb \`list\` on resource \`${resource}\``)
  }, 300_000)

  test('whose server is killed says so, and goes on when it is back', async () => {
    const agent = agentOf(server.kubeconfigOf('admin'))
    await ask('--namespace', 'shop', 'create', 'deployment', 'before', '--image=a')
    const deployments = async (): Promise<string[]> =>
      (await agent.collectMetrics()).data.entities
        .filter(({ type }) => type === 'k8s.deployment')
        .map(({ name }) => name)
    await expect.poll(deployments, PATIENCE).toEqual(['before'])
    await server.signal('apiserver', 'SIGKILL')
    await expect
      .poll(async () => (await gapsOf(agent)).map(({ scope }) => scope), PATIENCE)
      .toContain('kubernetes:deployments')
    const { entities, metrics } = (await agent.collectMetrics()).data
    expect(entities.map(({ name }) => name)).toContain('before')
    expect(metrics.filter(({ name }) => name.startsWith('k8s.deployment'))).toEqual([])
    await server.restart()
    await ask('--namespace', 'shop', 'create', 'deployment', 'after', '--image=a')
    await expect.poll(deployments, PATIENCE).toEqual(['before', 'after'])
    await expect.poll(() => gapsOf(agent), PATIENCE).toEqual([expect.objectContaining({ scope: 'usage' })])
  }, 200_000)

  test('sees what happened while a watch was cut off without a word, and after the server has forgotten it', async () => {
    const network = await fickleNetwork(new URL(server.url))
    const api = await openKubernetes({ kubeconfig: through(network, 'admin') })
    const { signal } = new AbortController()
    const cluster = await openCluster(
      { api, namespaces: ['shop'], withSecrets: false, fingerprint: fakeFingerprint, silence: 3000 },
      signal,
    )
    onTestFinished(() => {
      cluster.close()
      api.close()
    })
    const told: string[] = []
    cluster.follow((change) => {
      if (change.kind === 'configMaps' && !(change.type === 'added' && change.isInitial))
        told.push(`${change.type} ${(change.type === 'deleted' ? change.old : change.object).name}`)
    })
    await cluster.listed(signal)
    network.mute()
    await ask('--namespace', 'shop', 'create', 'configmap', 'unheard')
    await server.compact()
    await ask('--namespace', 'shop', 'create', 'configmap', 'heard')
    await expect.poll(() => names(cluster).toSorted(), PATIENCE).toEqual(['heard', 'unheard'])
    await ask('--namespace', 'shop', 'delete', 'configmap', 'heard', 'unheard')
    await expect.poll(() => names(cluster), PATIENCE).toEqual([])
    expect(told.toSorted()).toEqual(['added heard', 'added unheard', 'deleted heard', 'deleted unheard'])
  }, 200_000)

  test('whose token has expired uses the new one as soon as the kubelet has written it', async () => {
    const account = join(folder, 'service-account')
    mkdirSync(account)
    const write = (token: string): void => writeFileSync(join(account, 'token'), token)
    writeFileSync(join(account, 'ca.crt'), server.ca)
    write(server.tokenOf('admin'))
    const network = await fickleNetwork(new URL(server.url))
    const { port } = new URL(network.address)
    const environment = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: port }
    const api = openApi(await inClusterAccess(environment, account))
    const { signal } = new AbortController()
    const cluster = await openCluster({ api, namespaces: [], withSecrets: true, fingerprint: fakeFingerprint }, signal)
    onTestFinished(() => {
      cluster.close()
      api.close()
    })
    await cluster.listed(signal)
    expect(cluster.sight('secrets')).toMatchObject({ isCurrent: true })
    write('expired')
    // Credentials are used for some seconds before they are read again.
    const reasonAfterCut = (): string => {
      network.cut()
      return cluster.sight('secrets')?.gaps[0]?.reason ?? ''
    }
    await expect.poll(reasonAfterCut, { ...PATIENCE, interval: 3000 }).toContain('does not know who asks')
    write(server.tokenOf('admin'))
    await expect.poll(() => cluster.sight('secrets'), PATIENCE).toMatchObject({ isCurrent: true, gaps: [] })
  }, 200_000)
})
