import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Agent, createAgent, silentLogger } from '@rca/core'
import type { Gap } from '@rca/core/protocol'
import { type ApiServer, findKubectl, missingForApiServer, run, startApiServer } from '@rca/rig'
import { realDescribe } from '@rca/rig/real'
import { afterAll, beforeAll, describe, expect, type TestContext, test, vi } from 'vitest'
import { createApiClient } from '../src/api/api-client.ts'
import { inClusterAccess } from '../src/api/in-cluster.ts'
import { openKubernetes } from '../src/client.ts'
import { kubernetes } from '../src/connector.ts'
import { containerEvents } from '../src/events/containers/container-events.ts'
import { openClusterCache } from '../src/informer/cluster-cache.ts'
import type { Cluster } from '../src/kinds/index.ts'
import { kinds } from '../src/kinds/index.ts'
import { agentRules, type PermissionName } from './agent-rules.ts'
import { fakeFingerprint } from './fixtures.ts'
import { type FlakyNetwork, flakyNetwork } from './flaky-network.ts'
import { START, status, terminated } from './pods.ts'
import { watchServer } from './watched-server.ts'

const kubectl = (await findKubectl()) ?? ''
const absence = kubectl === '' ? { missing: '`kubectl` is not installed' } : await missingForApiServer()
const POLL = { timeout: 120_000, interval: 250 }

const TOKEN_REQUEST = {
  apiVersion: 'authentication.k8s.io/v1',
  kind: 'TokenRequest',
  spec: { expirationSeconds: 3600 },
}

vi.setConfig({ testTimeout: 400_000 })

/**
 * Failures of the network, the server and permissions. The agent is never restarted. Most of the time passes until an
 * agent tries again by itself: tests that leave the nodes and the server to others run beside each other.
 */
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

  const give = (words: readonly string[], object: object): Promise<string> =>
    run(kubectl, ['--kubeconfig', server.kubeconfigOf('admin'), ...words], { input: JSON.stringify(object) })

  /** Returns a kubeconfig, through a network. */
  const through = (network: FlakyNetwork, kubeconfig: string): string => {
    const file = join(folder, `through-${new URL(network.address).port}`)
    writeFileSync(file, readFileSync(kubeconfig, 'utf8').replaceAll(server.url, network.address))
    return file
  }
  const agentOf = ({ onTestFinished }: TestContext, kubeconfig: string): Agent => {
    const agent = createAgent({
      connector: kubernetes,
      platformUrl: 'https://127.0.0.1:9',
      agentToken: 'agent_test_token',
      config: { kubeconfig },
      logger: silentLogger,
    })
    onTestFinished(() => agent.stop({ timeout: '1s' }))
    return agent
  }
  const gapsOf = async (agent: Agent): Promise<readonly Gap[]> => (await agent.collectMetrics()).data.gaps
  const names = (cluster: Cluster): string[] =>
    [...cluster.objects('configMaps').values()].map(({ name }) => name).filter((name) => name !== 'kube-root-ca.crt')

  /** A service account whose permissions a test changes. */
  interface Account {
    readonly kubeconfig: string
    /** Grants the permissions of an agent, except for these. Resolves when the server applies them. */
    grantAllBut(...without: readonly PermissionName[]): Promise<void>
  }

  const makeAccount = async (name: string, { expect }: TestContext): Promise<Account> => {
    await ask('--namespace', 'shop', 'create', 'serviceaccount', name)
    const path = `/api/v1/namespaces/shop/serviceaccounts/${name}/token`
    const { status } = JSON.parse(await give(['create', `--raw=${path}`, '--filename=-'], TOKEN_REQUEST))
    const kubeconfig = join(folder, `account-${name}`)
    const text = readFileSync(server.kubeconfigOf('unprivileged'), 'utf8')
    writeFileSync(kubeconfig, text.replace(server.tokenOf('unprivileged'), status.token), { mode: 0o600 })

    const isGranted = async (resource: string): Promise<boolean> => {
      const resourceAttributes = { group: 'rig', resource, verb: 'get' }
      const spec = { user: `system:serviceaccount:shop:${name}`, resourceAttributes }
      const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec }
      return (await give(['create', '--filename=-', '--output=jsonpath={.status.allowed}'], review)) === 'true'
    }
    let grants = 0
    const grantAllBut = async (...without: readonly PermissionName[]): Promise<void> => {
      const apiVersion = 'rbac.authorization.k8s.io/v1'
      const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name }
      const subjects = [{ kind: 'ServiceAccount', name, namespace: 'shop' }]
      grants += 1
      const mark = `mark-${grants}`
      const rules = [...agentRules(...without), { apiGroups: ['rig'], resources: [mark], verbs: ['get'] }]
      const items = [
        { apiVersion, kind: 'ClusterRole', metadata: { name }, rules },
        { apiVersion, kind: 'ClusterRoleBinding', metadata: { name }, roleRef, subjects },
      ]
      await give(['apply', '--filename=-'], { apiVersion: 'v1', kind: 'List', items })
      await expect.poll(() => isGranted(mark), POLL).toBe(true)
    }
    return { kubeconfig, grantAllBut }
  }

  /** Returns the gaps of watched kinds: reasons by scope. */
  const watchErrorsOf = async (agent: Agent): Promise<Record<string, string>> => {
    // The cluster has no kubelet, which is a gap of its own.
    const gaps = (await gapsOf(agent)).filter(({ scope }) => scope !== 'usage')
    return Object.fromEntries(
      gaps.map(({ scope, reason }) => [/ on resource `([^`]+)`/.exec(reason)?.[1] ?? scope, reason]),
    )
  }

  // Namespaced and cluster-wide, in groups and in the core group, with and without data.
  const LOSSES = { pods: '""', nodes: '""', configmaps: '""', deployments: 'apps' }
  const losing = (verb: string): PermissionName[] =>
    Object.keys(LOSSES).map((resource): PermissionName => `${verb} ${resource}`)
  /** Returns gaps that name a permission of each kind, and nothing else. */
  const gapsNaming = (verbs: string): object =>
    Object.fromEntries(
      Object.entries(LOSSES).map(([resource, group]) => [
        resource,
        expect.stringMatching(`allow verb \`(?:${verbs})\` on resource \`${resource}\` of API group \`${group}\``),
      ]),
    )

  /** Opens a cache of a namespace through a network, whose watches may be silent for 3 s. */
  const openThrough = async (
    network: FlakyNetwork,
    namespace: string,
    { onTestFinished }: TestContext,
  ): Promise<Cluster> => {
    const api = await openKubernetes({ kubeconfig: through(network, server.kubeconfigOf('admin')) })
    const { signal } = new AbortController()
    const cluster = await openClusterCache(
      { api, kinds, excluded: ['secrets'], namespaces: [namespace], keyedHash: fakeFingerprint, silence: 3000 },
      signal,
    )
    onTestFinished(() => {
      cluster.close()
      api.close()
    })
    await cluster.listed(signal)
    return cluster
  }

  describe.concurrent('beside others', () => {
    test.for([
      ['watch', ['watch'], 'watch'],
      ['both list and watch', ['list', 'watch'], 'list|watch'],
    ] as const)(
      'that may no longer %s says which kinds, and sees again when it may',
      async ([_what, verbs, named], context) => {
        const { expect } = context
        const network = await flakyNetwork(new URL(server.url), context)
        const { kubeconfig, grantAllBut } = await makeAccount(`without-${verbs.join('-')}`, context)
        await grantAllBut()
        const agent = agentOf(context, through(network, kubeconfig))
        await expect.poll(() => watchErrorsOf(agent), POLL).toEqual({})
        await grantAllBut(...verbs.flatMap(losing))
        // Existing watches continue without the permission.
        network.cut()
        await expect.poll(() => watchErrorsOf(agent), POLL).toEqual(gapsNaming(named))
        await grantAllBut()
        // A kind that may not be watched is listed about every minute.
        await expect.poll(() => watchErrorsOf(agent), { ...POLL, timeout: 180_000 }).toEqual({})
      },
    )

    test('that starts without `list` names the kinds, and reports them when it is granted', async (context) => {
      const { expect } = context
      const { kubeconfig, grantAllBut } = await makeAccount('without-list', context)
      await grantAllBut(...losing('list'))
      const agent = agentOf(context, kubeconfig)
      await expect.poll(() => watchErrorsOf(agent), POLL).toEqual(gapsNaming('list'))
      await grantAllBut()
      await expect.poll(() => watchErrorsOf(agent), POLL).toEqual({})
    })

    test('without permission for logs says so in events, and reads logs when it is granted', async (context) => {
      const { expect, onTestFinished } = context
      const { kubeconfig, grantAllBut } = await makeAccount('without-logs', context)
      await grantAllBut('get pods/log')
      const watched = await watchServer({ kubeconfig, namespaces: ['shop'] })
      onTestFinished(() => watched.end())
      const reasons: unknown[] = []
      watched.watch(
        { containers: containerEvents },
        ({ attributes }) => void reasons.push(attributes['k8s.container.log_missing']),
      )
      const spec = { nodeName: 'absent', containers: [{ name: 'app', image: 'a' }] }
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'crashing', namespace: 'shop' } }
      await give(['create', '--filename=-'], { ...pod, spec })
      const crash = (run: number): Promise<string> => {
        const containerStatuses = [status(run, terminated(run, { to: secondsUntilNow() }))]
        const path = '/api/v1/namespaces/shop/pods/crashing/status'
        return give(['replace', `--raw=${path}`, '--filename=-'], { ...pod, spec, status: { containerStatuses } })
      }
      await crash(0)
      await expect.poll(() => reasons, POLL).toHaveLength(1)
      expect(reasons[0]).toContain(
        'allow verb `get` on resource `pods/log` of API group `""` in a Role of namespace `shop`',
      )
      await grantAllBut()
      await crash(1)
      await expect.poll(() => reasons, POLL).toHaveLength(2)
      // The cluster has no kubelet: the server says so instead of refusing.
      expect(reasons[1]).toEqual(expect.any(String))
      expect(reasons[1]).not.toContain('A permission is missing')
    })

    test('reports changes after a watch was cut without notice, and after its version expired', async (context) => {
      const { expect } = context
      const network = await flakyNetwork(new URL(server.url), context)
      await ask('create', 'namespace', 'cut')
      const cluster = await openThrough(network, 'cut', context)
      const changes: string[] = []
      cluster.subscribe((change) => {
        if (change.kind === 'configMaps' && !(change.type === 'added' && change.isInitial))
          changes.push(`${change.type} ${(change.type === 'deleted' ? change.old : change.object).name}`)
      })
      network.mute()
      await ask('--namespace', 'cut', 'create', 'configmap', 'during-cut')
      await server.compact()
      await ask('--namespace', 'cut', 'create', 'configmap', 'after-compaction')
      await expect.poll(() => names(cluster).toSorted(), POLL).toEqual(['after-compaction', 'during-cut'])
      await ask('--namespace', 'cut', 'delete', 'configmap', 'after-compaction', 'during-cut')
      await expect.poll(() => names(cluster), POLL).toEqual([])
      expect(changes.toSorted()).toEqual([
        'added after-compaction',
        'added during-cut',
        'deleted after-compaction',
        'deleted during-cut',
      ])
    })

    test('has a gap with its time while watches are cut without notice and no server is reachable', async (context) => {
      const { expect } = context
      const network = await flakyNetwork(new URL(server.url), context)
      await ask('create', 'namespace', 'unreachable')
      const cluster = await openThrough(network, 'unreachable', context)
      await expect.poll(() => cluster.syncStatus('configMaps'), POLL).toMatchObject({ isCurrent: true, gaps: [] })
      network.let(false)
      network.mute()
      const cutAt = Date.now()
      await ask('--namespace', 'unreachable', 'create', 'configmap', 'unseen')
      await expect.poll(() => cluster.syncStatus('configMaps')?.gaps.length, POLL).toBe(1)
      const { isCurrent, gaps } = cluster.syncStatus('configMaps') ?? {}
      const scope = 'kubernetes:configmaps/unreachable'
      expect({ isCurrent, scope: gaps?.[0]?.scope }).toEqual({ isCurrent: false, scope })
      expect(Date.parse(gaps?.[0]?.since ?? '')).toBeLessThanOrEqual(cutAt)
      expect(names(cluster)).toEqual([])
      network.let(true)
      await expect.poll(() => names(cluster), POLL).toEqual(['unseen'])
      await expect.poll(() => cluster.syncStatus('configMaps'), POLL).toMatchObject({ isCurrent: true, gaps: [] })
    })

    test('uses a new token as soon as the kubelet has written it', async (context) => {
      const { expect, onTestFinished } = context
      const account = join(folder, 'service-account')
      mkdirSync(account)
      const write = (token: string): void => writeFileSync(join(account, 'token'), token)
      writeFileSync(join(account, 'ca.crt'), server.ca)
      write(server.tokenOf('admin'))
      const network = await flakyNetwork(new URL(server.url), context)
      const { port } = new URL(network.address)
      const environment = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: port }
      const api = createApiClient(await inClusterAccess(environment, account))
      const { signal } = new AbortController()
      const cluster = await openClusterCache({ api, kinds, namespaces: [], keyedHash: fakeFingerprint }, signal)
      onTestFinished(() => {
        cluster.close()
        api.close()
      })
      await cluster.listed(signal)
      // The test beside this one that compacts versions may interrupt a watch.
      await expect.poll(() => cluster.syncStatus('secrets'), POLL).toMatchObject({ isCurrent: true })
      write('expired')
      // Credentials are cached for some seconds.
      const reasonAfterCut = (): string => {
        network.cut()
        return cluster.syncStatus('secrets')?.gaps[0]?.reason ?? ''
      }
      await expect.poll(reasonAfterCut, { ...POLL, interval: 3000 }).toContain('rejected the credentials')
      write(server.tokenOf('admin'))
      await expect.poll(() => cluster.syncStatus('secrets'), POLL).toMatchObject({ isCurrent: true, gaps: [] })
    })
  })

  test('without permission for kubelets has a gap', async (context) => {
    const { expect, onTestFinished } = context
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'worker-1' } }
    const conditions = [{ type: 'Ready', status: 'True' }]
    await give(['create', '--filename=-'], { ...node, status: { conditions } })
    onTestFinished(async () => void (await ask('delete', 'node', 'worker-1')))
    const { kubeconfig, grantAllBut } = await makeAccount('without-kubelets', context)
    const reasonsOfNewAgent = async (): Promise<string> =>
      (await gapsOf(agentOf(context, kubeconfig))).map(({ reason }) => reason).join('\n')
    await grantAllBut('get nodes/proxy')
    const denied = 'allow verb `get` on resource `nodes/proxy` of API group `""` in a ClusterRole'
    await expect.poll(reasonsOfNewAgent, POLL).toContain(denied)
    await grantAllBut()
    // The cluster has no kubelet: the gap then says so.
    await expect.poll(reasonsOfNewAgent, POLL).not.toContain('A permission is missing')
  })

  test('has a gap while its server is stopped, and continues afterwards', async (context) => {
    const agent = agentOf(context, server.kubeconfigOf('admin'))
    await ask('--namespace', 'shop', 'create', 'deployment', 'before', '--image=a')
    const deployments = async (): Promise<string[]> =>
      (await agent.collectMetrics()).data.entities
        .filter(({ type }) => type === 'k8s.deployment')
        .map(({ name }) => name)
    await expect.poll(deployments, POLL).toEqual(['before'])
    await server.signal('apiserver', 'SIGKILL')
    await expect
      .poll(async () => (await gapsOf(agent)).map(({ scope }) => scope), POLL)
      .toContain('kubernetes:deployments')
    const { entities, metrics } = (await agent.collectMetrics()).data
    expect(entities.map(({ name }) => name)).toContain('before')
    expect(metrics.filter(({ name }) => name.startsWith('k8s.deployment'))).toEqual([])
    await server.restart()
    await ask('--namespace', 'shop', 'create', 'deployment', 'after', '--image=a')
    await expect.poll(deployments, POLL).toEqual(['before', 'after'])
    await expect.poll(() => gapsOf(agent), POLL).toEqual([expect.objectContaining({ scope: 'usage' })])
  })
})

/** Milliseconds since the start of the pods' statuses. */
function secondsUntilNow(): number {
  return Math.floor((Date.now() - Date.parse(START)) / 1000)
}
