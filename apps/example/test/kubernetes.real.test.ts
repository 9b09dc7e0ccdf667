import { mkdirSync, mkdtempSync, symlinkSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Entity, Event } from '@rca/core/protocol'
import { BUSYBOX_IMAGE, docker, findCluster, findKubectl, helmProgram, run, testRun } from '@rca/rig'
import { realDescribe } from '@rca/rig/real'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AgentAnswer } from '../src/platform.ts'
import { type Arrivals, watchArrivals } from './arrivals.ts'
import {
  CANARIES,
  CHATTER,
  clock,
  credentials,
  deployment,
  idleNode,
  noPods,
  pod,
  readinessProbe,
  SERVE,
  settings,
  UNKNOWABLE,
} from './kubernetes-scene.ts'
import { type PlatformProcess, type Provisioned, startPlatformProcess } from './platform-process.ts'
import { eventually } from './processes.ts'

/** The same image by another name. */
const NEXT_IMAGE = 'rca-rig-busybox:next'

const repository = new URL('../../..', import.meta.url).pathname
// The cluster's engine must have our image, and its pods must reach this machine.
const cluster = await findCluster('node', testRun(), { onlyOurs: true })
const kubectl = (await findKubectl()) ?? ''
const directory = mkdtempSync(join(tmpdir(), 'rca-kubernetes-'))

/** Prefix of everything that this run creates in the cluster. */
const mine = `rca-e2e-${process.pid}`
const [shop, full, agents] = [`${mine}-shop`, `${mine}-full`, `${mine}-agents`]

/** Longest time from an incident in the cluster to its event at the platform. */
const MAX_EVENT_DELAY_MS = 5_000

/** Resolution of most times in Kubernetes objects. */
const TIME_RESOLUTION_MS = 1_000

/** Longest time from the end of a leader to the next leader. */
const MAX_TAKEOVER_MS = 20_000

type Predicate = (event: Event) => boolean

/** Reads a time of the cluster's clock from an attribute of an event, in milliseconds since 1970. */
function momentIn(attribute: string): (event: Event) => number {
  return ({ attributes }) => Date.parse(String(attributes[attribute])) + TIME_RESOLUTION_MS
}

/** Returns the id of the container run that crashed: each run logs an id of its own. */
function runOf({ attributes }: Event): string | undefined {
  return /^run ([0-9a-f-]{36})$/m.exec(String(attributes['k8s.container.log']))?.[1]
}

/** Distinguishes the first event of a repeated incident from those of its repetitions. */
function isFirst({ attributes }: Event): boolean {
  return attributes['k8s.event.count'] === 1
}

/** End to end without mocks: `sh` and a real helm run the command that the API returned, a real node our image. */
realDescribe('a Kubernetes cluster', cluster, () => {
  const { dockerHost = '', hostAddress = '', kubeconfig } = cluster
  let platform: PlatformProcess
  let provisioned: Provisioned
  let agentId = ''
  let arrivals: Arrivals
  /** Incidents so far: the names of their events, and how to find them. */
  const incidents: { readonly name: string; readonly isMatch: Predicate }[] = []

  const sh = (command: string): Promise<string> =>
    run('sh', ['-c', command], {
      env: { KUBECONFIG: kubeconfig, HOME: directory, PATH: `${join(directory, 'bin')}:${process.env.PATH}` },
      timeout: 120_000,
    })
  const kubectlOutput = (...words: string[]): Promise<string> => run(kubectl, ['--kubeconfig', kubeconfig, ...words])
  const create = (namespace: string, ...objects: readonly object[]): Promise<string> =>
    run(kubectl, ['--kubeconfig', kubeconfig, '--namespace', namespace, 'create', '--filename=-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
    })
  /** Reads the events of this run's namespaces and nodes: others may use the same cluster. */
  const eventsOfMine = async (query: Readonly<Record<string, string>>): Promise<Event[]> => {
    const { events } = await platform.get<{ events: Event[] }>('events', { environment: mine, limit: 500, ...query })
    return events.filter(({ attributes }) =>
      [attributes['k8s.namespace.name'], attributes['k8s.node.name']].some((name) => String(name).startsWith(mine)),
    )
  }
  const events = (name: string): Promise<Event[]> => eventsOfMine({ name })
  /** Waits for an action, and returns the time of its end, in milliseconds since 1970. */
  const timeOf = async (action: Promise<string>): Promise<number> => {
    await action
    return Date.now()
  }
  /** Waits for the event of an incident, and checks that it arrived soon after the incident. */
  const eventOf = async (
    name: string,
    isMatch: Predicate,
    occurredAt: number | ((event: Event) => number),
    milliseconds?: number,
  ): Promise<Event> => {
    const { event, at } = await arrivals.first(name, isMatch, milliseconds)
    const delay = at - (typeof occurredAt === 'number' ? occurredAt : occurredAt(event))
    expect(delay, `milliseconds until ${name} arrived`).toBeLessThanOrEqual(MAX_EVENT_DELAY_MS)
    incidents.push({ name, isMatch })
    return event
  }
  const about =
    (attribute: string, value: string) =>
    ({ attributes }: Pick<Event, 'attributes'>): boolean =>
      attributes[attribute] === value
  const agent = async (): Promise<AgentAnswer | undefined> =>
    (await platform.get<{ agents: AgentAnswer[] }>('agents', { environment: mine })).agents[0]

  /** Waits until the agent of another environment has reported. */
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
    await docker(dockerHost, ['tag', BUSYBOX_IMAGE, NEXT_IMAGE])
    for (const namespace of [shop, full]) await kubectlOutput('create', 'namespace', namespace)
    await create(shop, settings, credentials, deployment('web', { command: SERVE, probe: CANARIES.probe }))
    await create(full, noPods)
    const port = await freePort()
    platform = await startPlatformProcess(directory, {
      HOST: '0.0.0.0',
      PORT: String(port),
      RCA_PUBLIC_URL: `http://${hostAddress}:${port}`,
    })
    arrivals = watchArrivals(() => eventsOfMine({ from: new Date(Date.now() - 60_000).toISOString() }))
  }, 400_000)
  afterAll(async () => {
    await arrivals?.stop()
    await kubectlOutput('delete', 'namespace', '--ignore-not-found', '--wait=false', shop, full, agents)
    await kubectlOutput('delete', 'node', '--ignore-not-found', `${mine}-node`)
    await platform?.stop()
    await rm(directory, { recursive: true, force: true })
  }, 60_000)

  test('runs both replicas with the returned command', async () => {
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
    const ready = await kubectlOutput(
      '--namespace',
      agents,
      'get',
      'pods',
      '--output=jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}',
    )
    expect(ready).toBe('True True')
    await sh(provisioned.verify_command)
  }, 120_000)

  test('keeps the release when the command is pasted again', async () => {
    await sh(provisioned.deployment_command)
    const releases = JSON.parse(await sh(`helm list --namespace ${agents} --output json`))
    expect(releases).toEqual([expect.objectContaining({ name: mine, revision: '2', status: 'deployed' })])
    expect((await agent())?.agent_id).toBe(agentId)
  }, 120_000)

  test('reports pods with their relations and their memory usage', async () => {
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

  test('reports a crash with the end of its log, without the secrets in it', async () => {
    await create(shop, deployment('crashing', { command: `${CHATTER}; exit 3` }))
    const { event } = await arrivals.first('k8s.container.crashed', about('k8s.workload.name', 'crashing'))
    const { severity, attributes } = event
    const isSame: Predicate = (other) => runOf(other) === runOf(event)
    await eventOf('k8s.container.crashed', isSame, momentIn('container.finished_at'))
    expect(severity).toBe('error')
    expect(attributes).toMatchObject({
      'k8s.container.name': 'app',
      'container.exit_code': 3,
      'container.oom_killed': false,
      'container.image.name': BUSYBOX_IMAGE,
    })
    const lines = String(attributes['k8s.container.log']).split('\n')
    expect(lines.filter((line) => line !== '' && !line.startsWith('run ')).toSorted()).toEqual([
      '[redacted] is refused',
      'cannot log in: password: [redacted]',
      'cannot reach postgres://shop:[redacted]@db:5432/shop',
      'password=[redacted]',
      `the code word was ${UNKNOWABLE}`,
    ])
  }, 60_000)

  test('reports a container that ran out of memory', async () => {
    await create(
      shop,
      pod('out-of-memory', { command: 'exec tail /dev/zero', memory: '16Mi' }, { restartPolicy: 'Never' }),
    )
    const isOutOfMemory = about('k8s.pod.name', 'out-of-memory')
    const { severity, attributes } = await eventOf(
      'k8s.container.crashed',
      isOutOfMemory,
      momentIn('container.finished_at'),
    )
    expect(severity).toBe('critical')
    expect(attributes).toMatchObject({
      'container.oom_killed': true,
      'container.exit_code': 137,
      'k8s.container.memory.limit': 16 * 1024 ** 2,
      'k8s.node.name': 'node1',
    })
  }, 60_000)

  test('reports a new image, variable, probe and replica count, and the client that changed them', async () => {
    const container = { name: 'app', readinessProbe: readinessProbe(CANARIES.newProbe) }
    const probe = JSON.stringify({ spec: { template: { spec: { containers: [container] } } } })
    const change = (...words: string[]): Promise<number> => timeOf(kubectlOutput('--namespace', shop, ...words))
    const imageChangedAt = await change('set', 'image', 'deployment/web', `app=${NEXT_IMAGE}`)
    const environmentChangedAt = await change('set', 'env', 'deployment/web', `NEW_TOKEN=${CANARIES.newEnvironment}`)
    const probeChangedAt = await change('patch', 'deployment', 'web', '--patch', probe)
    const scaledAt = await change('scale', 'deployment/web', '--replicas=2')
    const isWeb = about('k8s.workload.name', 'web')
    const ofWeb = async (name: string, attribute: string, occurredAt: number) => {
      const isMatch: Predicate = (event) => isWeb(event) && event.attributes[attribute] !== undefined
      return (await eventOf(name, isMatch, occurredAt)).attributes
    }
    const image = await ofWeb('k8s.workload.changed', 'change.images', imageChangedAt)
    expect(image).toMatchObject({
      'change.fields': ['image'],
      'change.images': [`app: ${BUSYBOX_IMAGE} → ${NEXT_IMAGE}`],
    })
    expect(String(image['change.by'])).toMatch(/^kubectl/)
    expect(await ofWeb('k8s.workload.changed', 'change.environment.added', environmentChangedAt)).toMatchObject({
      'change.fields': ['environment'],
      'change.environment.added': ['app/NEW_TOKEN'],
    })
    expect(await ofWeb('k8s.workload.changed', 'change.probes', probeChangedAt)).toMatchObject({
      'change.fields': ['probes'],
      'change.probes': ['app readiness: changed'],
    })
    expect(await ofWeb('k8s.workload.scaled', 'change.replicas.new', scaledAt)).toMatchObject({
      'change.replicas.old': 1,
      'change.replicas.new': 2,
    })
    expect((await events('k8s.workload.changed')).filter(isWeb)).toHaveLength(3)
  }, 60_000)

  test('reports a pod that fits on no node, with the reason', async () => {
    const made = await timeOf(
      create(shop, pod('unschedulable', { command: 'true' }, { nodeSelector: { disk: 'none' } })),
    )
    const isUnschedulable: Predicate = (event) => about('k8s.pod.name', 'unschedulable')(event) && isFirst(event)
    const { body } = await eventOf('k8s.pod.scheduling_failed', isUnschedulable, made)
    expect(body).toContain('0/1 nodes are available')
  }, 60_000)

  test('reports a failing probe', async () => {
    await create(shop, pod('unready', { command: 'exec sleep 3600', probe: CANARIES.probe }))
    const isUnready: Predicate = (event) => about('k8s.pod.name', 'unready')(event) && isFirst(event)
    const { attributes } = await eventOf('k8s.container.unhealthy', isUnready, momentIn('k8s.event.first_at'))
    expect(attributes).toMatchObject({
      'k8s.container.probe.kind': 'readiness',
      'k8s.event.message': expect.stringContaining('connection refused'),
    })
  }, 60_000)

  test('reports a quota that admits no more pods', async () => {
    await create(full, deployment('limited', { command: 'true' }))
    const isFull: Predicate = (event) => about('k8s.namespace.name', full)(event) && isFirst(event)
    const { attributes } = await eventOf('k8s.quota.exceeded', isFull, momentIn('k8s.event.first_at'))
    expect(attributes).toMatchObject({
      'k8s.workload.kind': 'Deployment',
      'k8s.workload.name': 'limited',
      'k8s.resourcequota.name': 'no-pods',
      'k8s.quota.limited': ['pods=0'],
    })
  }, 60_000)

  test('reports nodes that are added and removed', async () => {
    const node = `${mine}-node`
    const added = await timeOf(create('default', idleNode(node)))
    await eventOf('k8s.node.added', about('k8s.node.name', node), added)
    const removed = await timeOf(kubectlOutput('delete', 'node', node, '--wait=false'))
    await eventOf('k8s.node.removed', about('k8s.node.name', node), removed)
  }, 60_000)

  test('reports a changed ConfigMap, and the workloads that use it', async () => {
    const patch = JSON.stringify({ data: { settings: `${CANARIES.configuration}-2` } })
    const changed = await timeOf(kubectlOutput('--namespace', shop, 'patch', 'configmap', 'settings', '--patch', patch))
    const { attributes } = await eventOf('k8s.config.changed', about('k8s.config.name', 'settings'), changed)
    expect(attributes['k8s.config.used_by']).toContain('Deployment/web')
  }, 60_000)

  test('answers what happened to a Deployment: its ConfigMap was changed, and its container crashed', async () => {
    const trail = { environment: mine, entity_type: 'k8s.deployment', entity_id: `${shop}/crashing`, related: 'true' }
    const { events } = await platform.get<{ events: Event[] }>('events', { ...trail, limit: 500 })
    const found = (name: string, isMatch: Predicate): boolean =>
      events.some((event) => event.name === name && isMatch(event))
    expect(found('k8s.config.changed', about('k8s.config.name', 'settings'))).toBe(true)
    expect(found('k8s.container.crashed', about('k8s.workload.name', 'crashing'))).toBe(true)
    expect(events.filter(about('k8s.workload.name', 'web'))).toEqual([])
    const changes = await platform.get<{ events: Event[] }>('events', { ...trail, changes: 'true', limit: 500 })
    expect(changes.events.map(({ name }) => name)).toContain('k8s.config.changed')
    expect(changes.events.map(({ name }) => name)).not.toContain('k8s.container.crashed')
  })

  test('reports a crash loop: each run, and then the loop', async () => {
    const isMatch = about('k8s.workload.name', 'crashing')
    const endedAt = momentIn('container.finished_at')
    // The kubelet waits 10 and 20 s before the third and the fourth run.
    const { attributes } = await eventOf('k8s.container.restart_loop', isMatch, endedAt, 60_000)
    expect(attributes).toMatchObject({ 'k8s.container.restart_loop.count': 4, 'container.exit_code': 3 })
    const runs = (await events('k8s.container.crashed')).filter(isMatch).map(runOf)
    expect(runs).toHaveLength(3)
    expect(new Set(runs).size).toBe(3)
    for (const { event, at } of arrivals.all())
      if (event.name === 'k8s.container.crashed' && isMatch(event))
        expect(at - endedAt(event)).toBeLessThanOrEqual(MAX_EVENT_DELAY_MS)
  }, 90_000)

  test('loses no event and sends none twice when the pod of the leader is killed', async () => {
    await create(shop, clock)
    const schedules: string[] = []
    const changeSchedule = async (times: number): Promise<void> => {
      for (let count = 0; count < times; count += 1) {
        const schedule = `${schedules.length + 1} 0 1 1 *`
        const patch = JSON.stringify({ spec: { schedule } })
        await kubectlOutput('--namespace', shop, 'patch', 'cronjob', 'clock', '--patch', patch)
        schedules.push(schedule)
        await sleep(100)
      }
    }
    const leader = async () => (await agent())?.instances?.find(({ role }) => role === 'leader')?.instance_id ?? ''
    const before = await leader()
    const podName = before.replace(/-[0-9a-f]+$/, '')
    const container = await docker(dockerHost, ['ps', '--quiet', '--filter', `name=k8s_agent_${podName}`])
    const killSoon = async (): Promise<number> => {
      await sleep(1000)
      const killedAt = Date.now()
      await docker(dockerHost, ['kill', '--signal=KILL', container.trim()])
      await kubectlOutput('--namespace', agents, 'delete', 'pod', podName, '--grace-period=0', '--force')
      return killedAt
    }
    const takeOver = async (): Promise<number> => {
      const killedAt = await killSoon()
      await eventually('the other replica leading', async () => ![before, ''].includes(await leader()), MAX_TAKEOVER_MS)
      return Date.now() - killedAt
    }
    const [milliseconds] = await Promise.all([takeOver(), changeSchedule(40)])
    expect(milliseconds).toBeLessThan(MAX_TAKEOVER_MS)
    await changeSchedule(5)
    const reported = async (): Promise<string[]> =>
      (await events('k8s.workload.changed'))
        .filter(about('k8s.workload.name', 'clock'))
        .map(({ attributes }) => / → (.+)$/.exec(String(attributes['change.settings']))?.[1] ?? '')
    await eventually(
      'every change being reported',
      async () => new Set(await reported()).size === schedules.length,
      30_000,
    )
    expect((await reported()).toSorted()).toEqual(schedules.toSorted())
  }, 120_000)

  test('has reported each of these incidents once, under either leader', async () => {
    expect(incidents).toHaveLength(13)
    for (const { name, isMatch } of incidents) expect((await events(name)).filter(isMatch), name).toHaveLength(1)
  })

  test('is confined to the configured namespaces, and reports what it cannot see as a gap', async () => {
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
    // The cluster's identity is the same, although the agent may read little else of it.
    expect(found.agent_id).toBe(agentId)
    const gaps = found.health.gaps.map(({ scope }) => scope)
    expect(gaps).toEqual(['usage'])
    const query = { environment, limit: 500 }
    const { entities } = await platform.get<{ entities: Entity[] }>(`agents/${agentId}/entities`, query)
    const namespaces = new Set(entities.map(({ attributes }) => attributes['k8s.namespace.name']).filter(Boolean))
    expect([...namespaces]).toEqual([shop])
    await sh(confined.uninstall_command)
    await kubectlOutput('delete', 'namespace', namespace, '--wait=false')
  }, 120_000)

  test('can be deployed without Helm, from manifests that the platform serves', async () => {
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
    const left = await kubectlOutput(
      '--namespace',
      namespace,
      'get',
      'deployments,pods,secrets,configmaps,leases',
      '--output=name',
    )
    expect(left).not.toContain('incident-rca')
    await kubectlOutput('delete', 'namespace', namespace, '--wait=false')
  }, 120_000)

  /** Reads this run's objects as the cluster's owner, and the log of the crashing container. */
  const readCanaries = async (): Promise<{ readonly objects: string; readonly log: string }> => {
    const kinds = 'configmaps,deployments,pods,secrets'
    const text = await kubectlOutput('--namespace', shop, 'get', kinds, '--output=json')
    const { items } = JSON.parse(text) as { items: { kind: string; data?: Record<string, string> }[] }
    const secrets = items
      .filter(({ kind }) => kind === 'Secret')
      .flatMap(({ data = {} }) => Object.values(data).map((value) => Buffer.from(value, 'base64').toString()))
    // The kubelet may be deleting the previous run.
    const log = await eventually('the log of a run', async () => {
      const written = await kubectlOutput('--namespace', shop, 'logs', '--selector=app=crashing', '--tail=-1')
      return written.includes('code word') && written
    })
    return { objects: text + secrets.join('\n'), log }
  }

  test('keeps every secret in the cluster', async () => {
    const { objects, log } = await readCanaries()
    expect(Object.values(CANARIES).filter((canary) => !objects.includes(canary))).toEqual([])
    for (const written of [CANARIES.log, CANARIES.environment, CANARIES.secret, UNKNOWABLE])
      expect(log).toContain(written)
    const logs = await kubectlOutput(
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
    const isLog = (name: string): boolean => name === 'k8s.container.log'
    const withoutCrashLogs = JSON.stringify(answers, (name, value) => (isLog(name) ? '' : value))
    expect(withoutCrashLogs.includes(UNKNOWABLE)).toBe(false)
    expect(everything.includes('last-applied-configuration')).toBe(false)
    expect(logs).not.toContain(provisioned.agent_token)
  }, 30_000)

  test('deletes everything with the returned uninstall command', async () => {
    await sh(provisioned.uninstall_command)
    const kinds =
      'all,secrets,configmaps,serviceaccounts,leases,roles,rolebindings,clusterroles,clusterrolebindings,poddisruptionbudgets'
    const left = await kubectlOutput(
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
