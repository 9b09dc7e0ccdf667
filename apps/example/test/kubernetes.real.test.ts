import { mkdirSync, mkdtempSync, symlinkSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Entity, Event } from '@rca/core'
import { docker, findCluster, findKubectl, helmProgram, run, testRun } from '@rca/rig'
import { realDescribe } from '@rca/rig/real'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { AgentAnswer } from '../src/platform.ts'
import { CANARIES, clock, credentials, deployment, idleNode, noPods, pod, settings } from './kubernetes-scene.ts'
import { type PlatformProcess, type Provisioned, startPlatformProcess } from './platform-process.ts'
import { eventually } from './processes.ts'

const repository = new URL('../../..', import.meta.url).pathname
const cluster = await findCluster('node', testRun())
const kubectl = (await findKubectl()) ?? ''
// Its engine must have our image, and its pods must reach this machine.
const absence = cluster.isOurs || cluster.missing !== undefined ? cluster : { missing: 'the cluster is not ours' }
const directory = mkdtempSync(join(tmpdir(), 'rca-kubernetes-'))

/** Everything that this run makes in the cluster begins so. */
const mine = `rca-e2e-${process.pid}`
const [shop, full, agents] = [`${mine}-shop`, `${mine}-full`, `${mine}-agents`]

/** The whole way with nothing mocked: the command that the API returned is run by `sh` with a real helm, our image by a real node. */
realDescribe('a Kubernetes cluster', absence, () => {
  const { dockerHost = '', hostAddress = '', kubeconfig } = cluster
  let platform: PlatformProcess
  let provisioned: Provisioned
  let agentId = ''

  const sh = (command: string): Promise<string> =>
    run('sh', ['-c', command], {
      env: { KUBECONFIG: kubeconfig, HOME: directory, PATH: `${join(directory, 'bin')}:${process.env.PATH}` },
      timeout: 120_000,
    })
  const ask = (...words: string[]): Promise<string> => run(kubectl, ['--kubeconfig', kubeconfig, ...words])
  const make = (namespace: string, ...objects: readonly object[]): Promise<string> =>
    run(kubectl, ['--kubeconfig', kubeconfig, '--namespace', namespace, 'create', '--filename=-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
    })
  const events = async (name: string): Promise<Event[]> =>
    (await platform.get<{ events: Event[] }>('events', { environment: mine, name, limit: 500 })).events
  const eventOf = (name: string, isMeant: (event: Event) => boolean, milliseconds?: number): Promise<Event> =>
    eventually(name, async () => (await events(name)).find(isMeant), milliseconds)
  const about =
    (attribute: string, value: string) =>
    ({ attributes }: Pick<Event, 'attributes'>): boolean =>
      attributes[attribute] === value
  const agent = async (): Promise<AgentAnswer | undefined> =>
    (await platform.get<{ agents: AgentAnswer[] }>('agents', { environment: mine })).agents[0]

  /** The agent of another environment, once it has reported. */
  const onlineIn = (environment: string): Promise<AgentAnswer> =>
    eventually(
      'the agent coming online',
      async () => {
        const [known] = (await platform.get<{ agents: AgentAnswer[] }>('agents', { environment })).agents
        return known?.connectivity === 'online' && Object.hasOwn(known.health.collectors, 'usage') && known
      },
      60_000,
    )

  beforeAll(async () => {
    mkdirSync(join(directory, 'bin'))
    for (const [name, program] of Object.entries({ kubectl, helm: await helmProgram() }))
      if (program.startsWith('/')) symlinkSync(program, join(directory, 'bin', name))
    await run(process.execPath, ['--conditions=@rca/source', 'scripts/image.ts'], {
      cwd: repository,
      env: { DOCKER_HOST: dockerHost },
      timeout: 300_000,
    })
    await docker(dockerHost, ['tag', 'busybox:local', 'busybox:next'])
    for (const namespace of [shop, full]) await ask('create', 'namespace', namespace)
    await make(shop, settings, credentials, deployment('web', { command: 'exec sleep 3600' }))
    await make(full, noPods)
    const port = await freePort()
    platform = await startPlatformProcess(directory, {
      HOST: '0.0.0.0',
      PORT: String(port),
      RCA_PUBLIC_URL: `http://${hostAddress}:${port}`,
    })
  }, 400_000)
  afterAll(async () => {
    await ask('delete', 'namespace', '--ignore-not-found', '--wait=false', shop, full, agents)
    await ask('delete', 'node', '--ignore-not-found', `${mine}-node`)
    await platform?.stop()
    await rm(directory, { recursive: true, force: true })
  }, 60_000)

  it('is online, with both of its replicas, after the returned command was pasted', async () => {
    provisioned = await platform.provision({
      agent_type: 'kubernetes',
      environment_name: mine,
      config: { namespace: agents, release_name: mine, replicas: '2', collect_interval: '2s', cluster_name: 'test' },
    })
    await sh(provisioned.deployment_command)
    const found = await eventually(
      'the agent coming online',
      async () => {
        const known = await agent()
        return known?.connectivity === 'online' && known.instances?.length === 2 && known
      },
      60_000,
    )
    agentId = found.agent_id ?? ''
    expect(found).toMatchObject({ name: 'test', health: { status: 'healthy', gaps: [] } })
    expect(found.instances?.map(({ role }) => role).toSorted()).toEqual(['leader', 'standby'])
    const ready = await ask(
      '--namespace',
      agents,
      'get',
      'pods',
      '--output=jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}',
    )
    expect(ready).toBe('True True')
    await sh(provisioned.verify_command)
  }, 120_000)

  it('is the same release after the command was pasted again', async () => {
    await sh(provisioned.deployment_command)
    const releases = JSON.parse(await sh(`helm list --namespace ${agents} --output json`))
    expect(releases).toEqual([expect.objectContaining({ name: mine, revision: '2', status: 'deployed' })])
    expect((await agent())?.agent_id).toBe(agentId)
  }, 120_000)

  it('shows what is there, and numbers of what it uses', async () => {
    const web = await eventually('the pod of `web`', async () => {
      const answer = await platform.get<{ entities: Entity[] }>(`agents/${agentId}/entities`, {
        type: 'k8s.pod',
        limit: 500,
      })
      return answer.entities.find(about('k8s.namespace.name', shop))
    })
    expect(web.relations).toEqual(
      expect.arrayContaining([
        { type: 'owned_by', target: { type: 'k8s.replicaset', id: expect.stringContaining(`${shop}/web-`) } },
        { type: 'runs_on', target: { type: 'k8s.node', id: 'node1' } },
        { type: 'mounts', target: { type: 'k8s.configmap', id: `${shop}/settings` } },
      ]),
    )
    await eventually(
      'its memory',
      async () => {
        const query = { environment: mine, name: 'k8s.pod.memory.working_set', entity_id: web.id }
        const { series } = await platform.get<{ series: { points: { value: number }[] }[] }>('metrics', query)
        return series[0]?.points.some(({ value }) => value > 0)
      },
      60_000,
    )
  }, 90_000)

  it('tells of a crash loop once, with the end of its log and without the secrets in it', async () => {
    const command = `echo "password=${CANARIES.log}"; echo "$API_KEY is refused" >&2; exit 3`
    await make(shop, deployment('crashing', { command }))
    const isMeant = about('k8s.workload.name', 'crashing')
    const { severity, attributes } = await eventOf('k8s.container.crashed', isMeant)
    expect(severity).toBe('error')
    expect(attributes).toMatchObject({
      'k8s.container.name': 'app',
      'container.exit_code': 3,
      'container.oom_killed': false,
      'container.image.name': 'busybox:local',
    })
    const [first, second] = String(attributes['k8s.container.log']).split('\n').filter(Boolean).toSorted()
    expect([first, second]).toEqual(['[redacted] is refused', 'password=[redacted]'])
    await ask('--namespace', shop, 'delete', 'deployment', 'crashing')
    const told = (await events('k8s.container.crashed')).filter(isMeant)
    const restarts = told.map(
      (event) => `${event.attributes['k8s.pod.uid']} ${event.attributes['container.finished_at']}`,
    )
    expect(new Set(restarts).size).toBe(restarts.length)
  }, 60_000)

  it('tells of a container that ran out of memory', async () => {
    await make(shop, pod('hungry', { command: 'exec tail /dev/zero', memory: '16Mi' }, { restartPolicy: 'Never' }))
    const { severity, attributes } = await eventOf('k8s.container.crashed', about('k8s.pod.name', 'hungry'))
    expect(severity).toBe('critical')
    expect(attributes).toMatchObject({
      'container.oom_killed': true,
      'container.exit_code': 137,
      'k8s.container.memory.limit': 16 * 1024 ** 2,
      'k8s.node.name': 'node1',
    })
  }, 60_000)

  it('tells of a new image, a new variable and a scale, and who did it', async () => {
    await ask('--namespace', shop, 'set', 'image', 'deployment/web', 'app=busybox:next')
    await ask('--namespace', shop, 'set', 'env', 'deployment/web', `NEW_TOKEN=${CANARIES.newEnvironment}`)
    await ask('--namespace', shop, 'scale', 'deployment/web', '--replicas=2')
    const isWeb = about('k8s.workload.name', 'web')
    const scaled = await eventOf('k8s.workload.scaled', isWeb)
    expect(scaled.attributes).toMatchObject({ 'change.replicas.old': 1, 'change.replicas.new': 2 })
    const changed = (await events('k8s.workload.changed')).filter(isWeb)
    expect(changed).toHaveLength(2)
    const image = changed.find(({ attributes }) => attributes['change.images'] !== undefined)
    expect(image?.attributes).toMatchObject({ 'change.images': ['app: busybox:local → busybox:next'] })
    expect(String(image?.attributes['change.by'])).toMatch(/^kubectl/)
    const environment = changed.find(({ attributes }) => attributes['change.environment.added'] !== undefined)
    expect(environment?.attributes['change.environment.added']).toEqual(['app/NEW_TOKEN'])
  }, 60_000)

  it('tells of a pod that fits on no node, with the reason', async () => {
    await make(shop, pod('homeless', { command: 'true' }, { nodeSelector: { disk: 'none' } }))
    const { attributes, body } = await eventOf('k8s.pod.scheduling_failed', about('k8s.pod.name', 'homeless'))
    expect(`${body} ${JSON.stringify(attributes)}`).toContain('0/1 nodes are available')
  }, 60_000)

  it('tells of a quota that lets no more pods in', async () => {
    await make(full, deployment('squeezed', { command: 'true' }))
    const { attributes } = await eventOf('k8s.quota.exceeded', about('k8s.namespace.name', full))
    expect(JSON.stringify(attributes)).toContain('no-pods')
    expect(JSON.stringify(attributes)).toContain('squeezed')
  }, 60_000)

  it('tells of a node that is gone', async () => {
    await make('default', idleNode(`${mine}-node`))
    await eventOf('k8s.node.added', about('k8s.node.name', `${mine}-node`))
    await ask('delete', 'node', `${mine}-node`)
    await eventOf('k8s.node.removed', about('k8s.node.name', `${mine}-node`))
  }, 60_000)

  it('tells of a configuration that was changed, and who uses it', async () => {
    const patch = JSON.stringify({ data: { settings: `${CANARIES.configuration}-2` } })
    await ask('--namespace', shop, 'patch', 'configmap', 'settings', '--patch', patch)
    const { attributes } = await eventOf('k8s.config.changed', about('k8s.config.name', 'settings'))
    expect(JSON.stringify(attributes)).toContain('web')
  }, 60_000)

  it('loses nothing and tells nothing twice when the pod of the leader is killed', async () => {
    await make(shop, clock)
    const done: string[] = []
    const changeSome = async (most: number): Promise<void> => {
      for (let count = 0; count < most; count += 1) {
        const schedule = `${done.length + 1} 0 1 1 *`
        const patch = JSON.stringify({ spec: { schedule } })
        await ask('--namespace', shop, 'patch', 'cronjob', 'clock', '--patch', patch)
        done.push(schedule)
        await sleep(100)
      }
    }
    const leader = async () => (await agent())?.instances?.find(({ role }) => role === 'leader')?.instance_id ?? ''
    const before = await leader()
    const podName = before.replace(/-[0-9a-f]+$/, '')
    const changing = changeSome(40)
    await sleep(1000)
    const container = await docker(dockerHost, ['ps', '--quiet', '--filter', `name=k8s_agent_${podName}`])
    await docker(dockerHost, ['kill', '--signal=KILL', container.trim()])
    await ask('--namespace', agents, 'delete', 'pod', podName, '--grace-period=0', '--force')
    await changing
    await eventually('the other replica leading', async () => ![before, ''].includes(await leader()), 30_000)
    await changeSome(5)
    const told = async (): Promise<string[]> =>
      (await events('k8s.workload.changed'))
        .filter(about('k8s.workload.name', 'clock'))
        .map(({ attributes }) => / → (.+)$/.exec(String(attributes['change.settings']))?.[1] ?? '')
    await eventually('every change being told', async () => new Set(await told()).size === done.length, 30_000)
    expect((await told()).toSorted()).toEqual(done.toSorted())
  }, 120_000)

  it('is confined to the namespaces that are named, and says what that costs', async () => {
    const environment = `${mine}-confined`
    const namespace = `${agents}-confined`
    const confined = await platform.provision({
      agent_type: 'kubernetes',
      environment_name: environment,
      config: { namespace, release_name: `${mine}-confined`, namespaces: [shop], collect_interval: '2s' },
    })
    expect(Object.keys(confined.alternatives ?? {})).toEqual([])
    await sh(confined.deployment_command)
    const found = await onlineIn(environment)
    // It is the same cluster, though it may read no more of it than its identity.
    expect(found.agent_id).toBe(agentId)
    const gaps = found.health.gaps.map(({ scope }) => scope)
    expect(gaps).toEqual(['usage'])
    const query = { environment, limit: 500 }
    const { entities } = await platform.get<{ entities: Entity[] }>(`agents/${agentId}/entities`, query)
    const namespaces = new Set(entities.map(({ attributes }) => attributes['k8s.namespace.name']).filter(Boolean))
    expect([...namespaces]).toEqual([shop])
    await sh(confined.uninstall_command)
    await ask('delete', 'namespace', namespace, '--wait=false')
  }, 120_000)

  it('is deployed without Helm, too, by what the platform serves', async () => {
    const environment = `${mine}-plain`
    const namespace = `${agents}-plain`
    const plain = await platform.provision({
      agent_type: 'kubernetes',
      environment_name: environment,
      config: { namespace, collect_interval: '2s' },
    })
    const { deployment_command = '', uninstall_command = '' } = plain.alternatives?.kubectl ?? {}
    await sh(deployment_command)
    expect(await onlineIn(environment)).toMatchObject({ agent_id: agentId, health: { status: 'healthy' } })
    await sh(uninstall_command)
    const left = await ask(
      '--namespace',
      namespace,
      'get',
      'deployments,pods,secrets,configmaps,leases',
      '--output=name',
    )
    expect(left).not.toContain('incident-rca')
    await ask('delete', 'namespace', namespace, '--wait=false')
  }, 120_000)

  it('keeps every canary in the cluster', async () => {
    const logs = await ask(
      '--namespace',
      agents,
      'logs',
      '--selector',
      `app.kubernetes.io/instance=${mine}`,
      '--tail=-1',
    )
    const answers = [
      await platform.get('events', { environment: mine, limit: 500 }),
      await platform.get(`agents/${agentId}/entities`, { environment: mine, limit: 500 }),
      logs,
      platform.log(),
    ]
    const database = await Promise.all(
      ['', '-wal'].map((end) => readFile(join(directory, `rca.sqlite${end}`), 'latin1').catch(() => '')),
    )
    const everything = JSON.stringify(answers) + database.join('')
    expect(everything.includes('[redacted]')).toBe(true)
    expect(Object.values(CANARIES).filter((canary) => everything.includes(canary))).toEqual([])
    expect(everything.includes('last-applied-configuration')).toBe(false)
    expect(logs).not.toContain(provisioned.agent_token)
  }, 30_000)

  it('leaves nothing behind after the returned uninstall command', async () => {
    await sh(provisioned.uninstall_command)
    const kinds =
      'all,secrets,configmaps,serviceaccounts,leases,roles,rolebindings,clusterroles,clusterrolebindings,poddisruptionbudgets'
    const left = await ask(
      'get',
      kinds,
      '--all-namespaces',
      '--selector',
      `app.kubernetes.io/instance=${mine}`,
      '--output=name',
    )
    expect(left.trim()).toBe('')
    expect(await sh(`kubectl --namespace ${agents} get configmaps,secrets --selector owner=helm --output name`)).toBe(
      '',
    )
    await eventually('the agent going offline', async () => (await agent())?.connectivity === 'offline')
  }, 120_000)
})

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}
