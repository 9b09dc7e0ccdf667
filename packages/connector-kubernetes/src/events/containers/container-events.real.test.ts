import { spawn } from 'node:child_process'
import { silentLogger } from '@rca/core'
import type { Event, Watcher } from '@rca/core/connector'
import { findCluster, findKubectl, run, testRun } from '@rca/rig'
import { realDescribe } from '@rca/rig/real'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { fakeFingerprint } from '../../../test/fixtures.ts'
import { watchContext } from '../../../test/watch-context.ts'
import { configSchema } from '../../config.ts'
import { openKubernetesClient } from '../../connect.ts'
import type { KubernetesClient } from '../../kubernetes-client.ts'
import { clusterWarnings } from '../warnings/cluster-events.ts'
import { containerEvents } from './container-events.ts'

const kubectl = (await findKubectl()) ?? ''
const found = await findCluster('node', testRun())

const NAMESPACE = `containers-${process.pid}`

/** Much more than the runtime itself needs to start a container, which would otherwise be another event. */
const MEMORY_LIMIT = '40Mi'

/** A pod whose one container runs this script. */
function pod(name: string, script: string, container: object = {}, spec: object = {}) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'app',
          image: found.image,
          imagePullPolicy: 'IfNotPresent',
          command: ['sh', '-c', script],
          ...container,
        },
      ],
      ...spec,
    },
  }
}

const quota = {
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata: { name: 'compute' },
  spec: { hard: { 'count/pods': '0' } },
}

const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'app', image: found.image }] } },
  },
}

realDescribe('events about containers of a real node', found, () => {
  const stopping = new AbortController()
  const events: Event[] = []
  let client: KubernetesClient
  let watching: Promise<unknown>

  const ask = (words: string[], ...objects: object[]): Promise<string> =>
    run(kubectl, ['--kubeconfig', found.kubeconfig, ...words], {
      ...(objects.length === 0 ? {} : { input: objects.map((object) => JSON.stringify(object)).join('\n') }),
      timeout: 60_000,
    })
  const create = (namespace: string, ...objects: object[]): Promise<string> =>
    ask(['--namespace', namespace, 'create', '--validate=false', '--filename=-'], ...objects)
  const watch = (watcher: Watcher<KubernetesClient>): Promise<void> =>
    watcher.watch(
      client,
      watchContext(stopping.signal, (event) => events.push(event)),
    )
  const of = (name: string): Event[] =>
    events.filter(
      ({ attributes }) => attributes['k8s.pod.name'] === name && attributes['k8s.namespace.name'] === NAMESPACE,
    )
  const eventually = (look: () => unknown) => expect.poll(look, { timeout: 60_000, interval: 100 })

  beforeAll(async () => {
    await ask(['create', 'namespace', NAMESPACE])
    await ask(['create', 'namespace', `${NAMESPACE}-full`])
    const config = configSchema.parse({ kubeconfig: found.kubeconfig, namespaces: [NAMESPACE, `${NAMESPACE}-full`] })
    client = await openKubernetesClient({
      config,
      signal: stopping.signal,
      log: silentLogger,
      keyedHash: fakeFingerprint,
    })
    watching = Promise.all([containerEvents, clusterWarnings].map(watch))
  }, 300_000)
  afterAll(async () => {
    stopping.abort()
    await watching
    client.cluster.close()
    client.api.close()
    await ask(['delete', 'namespace', '--wait=false', NAMESPACE, `${NAMESPACE}-full`])
  }, 60_000)

  test('reports each crash once, with the log of its run and without secrets', async () => {
    const environment = { env: [{ name: 'DB_PASSWORD', value: 'canary-of-the-shop' }] }
    await create(
      NAMESPACE,
      pod('crashing', 'cat /proc/sys/kernel/random/uuid; echo refused: $DB_PASSWORD; exit 3', environment),
    )
    // On a busy machine, the mount of a volume may fail at first, which is another event.
    const crashesOf = (name: string) => of(name).filter((event) => event.name === 'k8s.container.crashed')
    await eventually(() => crashesOf('crashing').length).toBe(3)
    const crashes = crashesOf('crashing')
    for (const crash of crashes) {
      expect(crash).toMatchObject({
        name: 'k8s.container.crashed',
        severity: 'error',
        body: `Container app of pod ${NAMESPACE}/crashing crashed with exit code 3`,
        attributes: {
          'container.exit_code': 3,
          'container.image.name': found.image,
          'k8s.container.log': expect.stringMatching(/^[0-9a-f-]{36}\nrefused: \[redacted\]\n$/),
        },
      })
    }
    expect(new Set(crashes.map(({ id }) => id)).size).toBe(3)
    expect(new Set(crashes.map(({ attributes }) => attributes['k8s.container.log'])).size).toBe(3)
    expect(JSON.stringify(events)).not.toContain('canary')
  }, 90_000)

  test('reports a container that ran out of memory once', async () => {
    const limited = { resources: { limits: { memory: MEMORY_LIMIT } } }
    await create(NAMESPACE, pod('greedy', 'echo I eat; tail /dev/zero', limited, { restartPolicy: 'Never' }))
    await eventually(() => of('greedy').filter(({ name }) => name.startsWith('k8s.container.'))).toMatchObject([
      {
        name: 'k8s.container.crashed',
        severity: 'critical',
        attributes: {
          'container.oom_killed': true,
          'k8s.container.memory.limit': 40 * 1024 * 1024,
          'k8s.container.log': expect.stringContaining('I eat\n'),
        },
      },
    ])
  }, 90_000)

  test('reports a hundred OOM kills under load as critical, each once', async () => {
    const limited = { resources: { limits: { memory: MEMORY_LIMIT } } }
    // The kernel kills the container's first process in one half of them, and a child of it in the other.
    const scripts = ['exec tail /dev/zero', 'tail /dev/zero; exit $?']
    const pods = Array.from({ length: 10 }, (_, index) => {
      const { spec, ...rest } = pod(`hungry-${index}`, '', limited, { restartPolicy: 'Never' })
      const containers = Array.from({ length: 10 }, (_, number) => ({
        ...spec.containers[0],
        name: `app-${number}`,
        command: ['sh', '-c', scripts[number % 2]],
      }))
      return { ...rest, spec: { ...spec, containers } }
    })
    // Takes what the tests beside this one leave.
    const load = spawn('nice', ['-n', '19', 'sh', '-c', 'while :; do :; done'], { stdio: 'ignore' })
    onTestFinished(() => void load.kill('SIGKILL'))
    await create(NAMESPACE, ...pods)
    const kills = () =>
      events.filter(
        ({ name, attributes }) =>
          name.startsWith('k8s.container.') && String(attributes['k8s.pod.name']).startsWith('hungry-'),
      )
    const ended = () =>
      [...client.cluster.objects('pods').values()]
        .filter(({ name }) => name.startsWith('hungry-'))
        .flatMap(({ containers }) => containers.filter(({ status }) => status?.state?.kind === 'terminated'))
    await expect.poll(() => ended().length, { timeout: 280_000, interval: 500 }).toBe(100)
    await expect.poll(() => kills().length, { timeout: 10_000 }).toBe(100)
    const others = kills().filter(({ name, severity }) => name !== 'k8s.container.crashed' || severity !== 'critical')
    expect(others.map(({ name, severity, body }) => `${severity} ${name}: ${body}`)).toEqual([])
    expect(kills().every(({ attributes }) => attributes['container.oom_killed'] === true)).toBe(true)
    expect(new Set(kills().map(({ id }) => id)).size).toBe(100)
    expect(new Set(kills().map(({ entity }) => entity.id)).size).toBe(100)
  }, 300_000)

  test('does not report containers that are deleted or succeed', async () => {
    await create(NAMESPACE, pod('well', 'exit 0', {}, { restartPolicy: 'Never' }), pod('deleted', 'sleep 1000'))
    await ask(['--namespace', NAMESPACE, 'wait', '--for=condition=Ready', '--timeout=50s', 'pod/deleted'])
    await ask(['--namespace', NAMESPACE, 'delete', 'pod', 'deleted'])
    await eventually(
      () => [...client.cluster.objects('pods').values()].find(({ name }) => name === 'well')?.phase,
    ).toBe('Succeeded')
    await eventually(() => [...client.cluster.objects('pods').values()].some(({ name }) => name === 'deleted')).toBe(
      false,
    )
    expect([...of('well'), ...of('deleted')]).toEqual([])
  }, 90_000)

  test('reports containers that cannot be started, scheduled or created, and failed probes', async () => {
    const probe = { exec: { command: ['sh', '-c', 'echo not well; exit 1'] }, periodSeconds: 1, failureThreshold: 100 }
    const missing = { envFrom: [{ configMapRef: { name: 'absent' } }] }
    await create(
      NAMESPACE,
      pod('pulling', '', { image: 'localhost:1/absent:1' }),
      pod('misconfigured', '', missing),
      pod('nowhere', '', {}, { nodeSelector: { absent: 'true' } }),
      pod('unhealthy', 'sleep 1000', { readinessProbe: probe }),
    )
    await create(`${NAMESPACE}-full`, quota, deployment)
    await eventually(() => of('pulling')).toMatchObject([
      { name: 'k8s.container.start_failed', attributes: { 'k8s.container.start_failed.kind': 'image' } },
    ])
    await eventually(() => of('misconfigured')).toMatchObject([
      { name: 'k8s.container.start_failed', attributes: { 'k8s.container.error': 'configmap "absent" not found' } },
    ])
    await eventually(() => of('nowhere')[0]?.name).toBe('k8s.pod.scheduling_failed')
    await eventually(() => of('unhealthy')[0]).toMatchObject({
      name: 'k8s.container.unhealthy',
      attributes: { 'k8s.container.probe.kind': 'readiness', 'k8s.container.name': 'app' },
    })
    await eventually(() => events.find(({ name }) => name === 'k8s.quota.exceeded')).toMatchObject({
      entity: { type: 'k8s.resourcequota', id: `${NAMESPACE}-full/compute` },
      attributes: { 'k8s.workload.kind': 'Deployment', 'k8s.workload.name': 'web' },
    })
  }, 120_000)
})
