import type { Event } from '@rca/core/connector'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { captured } from '../../../test/fixtures.ts'
import { followedCluster } from '../../../test/followed-cluster.ts'
import { at, podOf, replicaSet, report, START, status, terminated, waiting } from '../../../test/pods.ts'
import { usageContext } from '../../../test/usage-scene.ts'
import { KubernetesError } from '../../api/errors.ts'
import type { LogRequest } from '../../api/kubernetes-api.ts'
import { cluster as clusterCollector } from '../../kinds/cluster.ts'
import { containerReference } from '../../kinds/references.ts'
import { signals } from '../../signals.ts'
import { containerEvents } from './container-events.ts'

const running = { running: { startedAt: at(0) } }
const backOff = waiting('CrashLoopBackOff', 'back-off 10s restarting failed container')

/** Creates a cluster whose logs are answered by `text`. */
function scene(text: (request: LogRequest) => Promise<string | undefined> = async () => 'all is lost\n', config = {}) {
  const requests: LogRequest[] = []
  const raws = new Map<string, object>()
  const cluster = followedCluster(
    {
      get: async (_resource, { name }) => {
        await Promise.resolve()
        return raws.get(name)
      },
      text: async (request) => {
        requests.push(request)
        return text(request)
      },
    },
    config,
  )
  cluster.put('replicaSets', replicaSet)
  const put = (raw: object): void => {
    raws.set((raw as { readonly metadata: { readonly name: string } }).metadata.name, raw)
    cluster.put('pods', raw)
  }
  return {
    ...cluster,
    put,
    putOther: cluster.put,
    requests,
    remove: (raw: object) => cluster.remove('pods', raw),
    raws,
  }
}

/** Watches a pod that runs and then ends. */
async function endOf(
  after: object,
  { count = 1, before = podOf(status(0, running)) as object, ...options } = {} as {
    count?: number
    before?: object
    text?: (request: LogRequest) => Promise<string | undefined>
    config?: object
  },
) {
  const cluster = scene(options.text, options.config)
  cluster.listed()
  const { events } = cluster.watch(containerEvents)
  cluster.put(before)
  cluster.put(after)
  await sentinel(cluster, events)
  const others = events.filter(({ id }) => !id?.startsWith('sentinel'))
  expect(others).toHaveLength(count)
  const [event] = others as [(typeof events)[number]]
  return { event, events: others, requests: cluster.requests, client: cluster.client }
}

/** Waits until a later crash has been reported. */
async function sentinel(cluster: ReturnType<typeof scene>, events: readonly Event[]): Promise<void> {
  const pod = (state: object, lastState: object) =>
    podOf(status(1, state, lastState), {
      metadata: { uid: 'sentinel', name: 'sentinel' },
      spec: { restartPolicy: 'Never' },
    })
  cluster.put(pod(running, {}))
  cluster.put(pod(running, terminated(0)))
  const isThere = () => events.some(({ id }) => id?.startsWith('sentinel'))
  await expect.poll(isThere, { timeout: 5000, interval: 20 }).toBe(true)
  // An end whose next run is awaited is reported later.
  await new Promise((resolve) => setTimeout(resolve, 350))
}

describe('a crashed container', () => {
  test('is reported with its evidence', async () => {
    const cluster = scene()
    cluster.put(podOf(status(0, running)))
    const { client, watch } = cluster
    cluster.listed()
    const conditions = [
      { type: 'Ready', status: 'True' },
      { type: 'MemoryPressure', status: 'True', reason: 'KubeletHasInsufficientMemory', message: 'token=canary-node' },
      { type: 'DiskPressure', status: 'False' },
    ]
    const node = { metadata: { name: 'node-1', uid: 'n' }, status: { conditions } }
    cluster.putOther('nodes', node)
    cluster.putOther(
      'events',
      report('Unhealthy', 'Liveness probe failed: canary-of-the-shop has token=canary-probe', {
        involvedObject: {
          kind: 'Pod',
          namespace: 'shop',
          name: 'web-1-a',
          uid: 'pod-a',
          fieldPath: 'spec.containers{app}',
        },
      }),
    )
    const memory = signals.containerMemoryWorkingSet.point(9, containerReference('pod-a', 'app'))
    client.lastMemory.take([memory], new Date(at(-5)))
    const { events } = watch(containerEvents)
    cluster.put(podOf(status(1, running, terminated(0, { exitCode: 3, from: -60, to: 0 }))))
    await expect.poll(() => events).toHaveLength(1)
    expect(events[0]).toEqual({
      name: 'k8s.container.crashed',
      id: 'pod-a/app/crashed/run-0',
      at: '2026-11-25T10:00:00.000Z',
      severity: 'error',
      entity: { type: 'k8s.container', id: 'pod-a/app' },
      body: 'Container app of pod shop/web-1-a crashed with exit code 3',
      attributes: {
        'k8s.namespace.name': 'shop',
        'k8s.pod.name': 'web-1-a',
        'k8s.pod.uid': 'pod-a',
        'k8s.node.name': 'node-1',
        'k8s.container.name': 'app',
        'k8s.container.kind': 'container',
        'container.id': 'run-0',
        'container.image.name': 'shop/web:1',
        'container.image.id': 'shop/web@sha256:1',
        'k8s.workload.kind': 'Deployment',
        'k8s.workload.name': 'web',
        'container.exit_code': 3,
        'container.oom_killed': false,
        'container.started_at': at(-60),
        'container.finished_at': at(0),
        'k8s.container.last_terminated.reason': 'Error',
        'k8s.container.restart.count': 1,
        'k8s.container.cpu.request': 0.1,
        'k8s.container.cpu.limit': 0.5,
        'k8s.container.memory.request': 33_554_432,
        'k8s.container.memory.limit': 67_108_864,
        'container.memory.working_set': 9,
        'container.memory.working_set_at': '2026-11-25T09:59:55.000Z',
        'k8s.container.probe.message': 'Liveness probe failed: [redacted] has token=[redacted]',
        'k8s.container.probe.failed_at': at(0),
        'k8s.node.problems': ['MemoryPressure=True (KubeletHasInsufficientMemory): token=[redacted]'],
        'k8s.container.log': 'all is lost\n',
      },
    })
  })

  test('is critical if it was OOM-killed', async () => {
    const { event } = await endOf(podOf(status(1, running, terminated(0, { exitCode: 137, reason: 'OOMKilled' }))))
    expect(event).toMatchObject({
      severity: 'critical',
      body: 'Container app of pod shop/web-1-a ran out of memory and ended with exit code 137 (SIGKILL)',
      attributes: { 'container.oom_killed': true, 'container.exit_signal': 'SIGKILL' },
    })
  })

  test('is reported once, in whatever later states its end appears', async () => {
    const cluster = scene()
    cluster.listed()
    const { events } = cluster.watch(containerEvents)
    cluster.put(podOf(status(0, running)))
    cluster.put(podOf(status(0, terminated(0))))
    cluster.put(podOf(status(0, backOff, terminated(0))))
    cluster.put(podOf(status(1, running, terminated(0))))
    cluster.put(podOf(status(1, running, terminated(0), { ready: true })))
    await sentinel(cluster, events)
    expect(events.map(({ id }) => id).toSorted()).toEqual(['pod-a/app/crashed/run-0', 'sentinel/app/crashed/run-0'])
  })

  test('is reported for init containers and for pods of a Job', async () => {
    const init = (state: object) => ({
      spec: { initContainers: [{ name: 'app' }], containers: [] },
      status: { initContainerStatuses: [status(0, state)] },
    })
    const { event } = await endOf(podOf(undefined, init(terminated(0, { exitCode: 2 }))), {
      before: podOf(undefined, init(running)),
    })
    expect(event.body).toBe('Init container app of pod shop/web-1-a crashed with exit code 2')
    const job = {
      metadata: { ownerReferences: [{ kind: 'Job', name: 'import', uid: 'job-1', controller: true }] },
      spec: { restartPolicy: 'Never' },
      status: { phase: 'Failed' },
    }
    const of = await endOf(podOf(status(0, terminated(0, { exitCode: 9 })), job))
    expect(of.event.attributes).toMatchObject({
      'k8s.workload.kind': 'Job',
      'k8s.workload.name': 'import',
      'container.exit_code': 9,
    })
  })

  test.each([
    ['succeeded', podOf(status(0, terminated(0, { exitCode: 0, reason: 'Completed' })))],
    [
      'ended because its pod is being deleted',
      podOf(status(0, terminated(0, { exitCode: 143 })), { metadata: { deletionTimestamp: at(0) } }),
    ],
    [
      'ended because its pod was evicted',
      podOf(status(0, terminated(0, { exitCode: 137 })), {
        status: { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' },
      }),
    ],
  ])('is not reported if it %s', async (_what, pod) => {
    const { requests } = await endOf(pod, { count: 0 })
    expect(requests.filter(({ pod: name }) => name !== 'sentinel')).toEqual([])
  })

  test('is reported for an OOM kill in a pod that is being deleted', async () => {
    const { event } = await endOf(
      podOf(status(0, terminated(0, { exitCode: 137, reason: 'OOMKilled' })), {
        metadata: { deletionTimestamp: at(0) },
      }),
    )
    expect(event.severity).toBe('critical')
  })

  test('is reported if only the last state of a deleted pod shows it', async () => {
    const cluster = scene()
    cluster.listed()
    const { events } = cluster.watch(containerEvents)
    cluster.put(podOf(status(0, running)))
    cluster.raws.clear()
    cluster.remove(podOf(status(0, terminated(0))))
    await expect.poll(() => events).toHaveLength(1)
    expect(events[0]?.attributes).toMatchObject({ 'k8s.container.log_missing': 'the pod was deleted' })
  })

  test('is another crash in a pod with a reused name', async () => {
    const cluster = scene()
    cluster.listed()
    const { events } = cluster.watch(containerEvents)
    const pods = ['pod-a', 'pod-b'].map(
      (uid) => (state: object) => podOf(status(0, state), { metadata: { uid, name: 'db-0' } }),
    )
    for (const pod of pods) {
      cluster.put(pod(running))
      cluster.put(pod(terminated(0)))
      cluster.remove(pod(terminated(0)))
    }
    await expect.poll(() => events).toHaveLength(2)
    expect(events.map(({ id }) => id).toSorted()).toEqual(['pod-a/app/crashed/run-0', 'pod-b/app/crashed/run-0'])
    expect(events[0]?.attributes).toMatchObject({
      'k8s.container.log_missing': 'the pod was deleted and another has its name',
    })
  })

  test('is reported by an agent that starts later if it is recent, with the same id', async () => {
    const cluster = scene()
    const ids = ['young', 'old'].map((uid, index) => {
      cluster.put(
        podOf(status(1, running, terminated(0, { to: index === 0 ? 0 : -60 })), { metadata: { uid, name: uid } }),
      )
      return `${uid}/app/crashed/run-0`
    })
    const now = () => new Date(at(870))
    const first = cluster.watch(containerEvents, now)
    await expect.poll(() => first.events.length).toBeGreaterThan(0)
    await first.stop()
    const second = cluster.watch(containerEvents, now)
    cluster.listed()
    await sentinel(cluster, second.events)
    for (const { events } of [first, second])
      expect(events.map(({ id }) => id).filter((id) => !id?.startsWith('sentinel'))).toEqual([ids[0]])
  })
})

describe('a container that the kubelet kills', () => {
  const about = { involvedObject: { kind: 'Pod', uid: 'pod-a', name: 'web-1-a', fieldPath: 'spec.containers{app}' } }
  const event = (reason: string, message: string, seconds: number, type = 'Warning') => ({
    ...report(reason, message, { ...about, type, lastTimestamp: at(seconds) }),
    metadata: { name: `${reason}-${message}`, namespace: 'shop', uid: `${reason}-${message}` },
  })
  const killing = (message: string) => event('Killing', message, -3, 'Normal')
  const liveness = killing('Container app failed liveness probe, will be restarted')
  const unready = event('Unhealthy', 'Readiness probe failed: warming', -1)
  const stuck = event('Unhealthy', 'Liveness probe failed: deadlock', -4)

  /** Watches a container that ends after the cluster reported these events. */
  async function watchEnd(events: readonly object[], ending: Parameters<typeof terminated>[1]) {
    const cluster = scene()
    cluster.listed()
    const watching = cluster.watch(containerEvents)
    cluster.put(podOf(status(0, running)))
    for (const one of events) cluster.putOther('events', one)
    cluster.put(podOf(status(1, running, terminated(0, { from: -60, to: 0, ...ending }))))
    await expect.poll(() => watching.events, { timeout: 10_000 }).toHaveLength(1)
    return watching.events
  }

  test('is reported with the message of its liveness probe, also if another probe has failed since', async () => {
    expect(await watchEnd([stuck, liveness, unready], { exitCode: 137 })).toMatchObject([
      {
        body: 'Container app of pod shop/web-1-a was killed by its liveness probe and ended with exit code 137 (SIGKILL)',
        severity: 'error',
        attributes: {
          'k8s.container.killed_by': 'liveness probe',
          'k8s.container.probe.message': 'Liveness probe failed: deadlock',
          'k8s.container.probe.failed_at': at(-4),
        },
      },
    ])
  })

  test('is reported if it ends without an error', async () => {
    const startup = killing('Container app failed startup probe, will be restarted')
    expect(await watchEnd([startup], { exitCode: 0, reason: 'Completed' })).toMatchObject([
      {
        name: 'k8s.container.crashed',
        body: 'Container app of pod shop/web-1-a was killed by its startup probe and ended with exit code 0',
      },
    ])
  })

  test('is reported with the hook that failed', async () => {
    const failed = event(
      'FailedPostStartHook',
      'Exec lifecycle hook ([sh -c canary]) for Container "app" in Pod "web-1-a_shop(pod-a)" failed - error: command \'sh -c canary\' exited with 5: , message: ""',
      -3,
    )
    const events = await watchEnd([failed, killing('FailedPostStartHook')], { exitCode: 137 })
    expect(events).toMatchObject([
      {
        body: 'Container app of pod shop/web-1-a was killed because its postStart hook failed, and ended with exit code 137 (SIGKILL)',
        attributes: {
          'container.oom_killed': false,
          'k8s.container.killed_by': 'postStart hook',
          'k8s.container.hook.message': expect.stringContaining('exited with 5'),
        },
      },
    ])
    expect(JSON.stringify(events)).not.toContain('canary')
  })

  test('is reported as crashed if it was killed for the same reason before, and crashes by itself', async () => {
    const earlier = { ...liveness, lastTimestamp: at(-120) }
    expect(await watchEnd([earlier, stuck, unready], { exitCode: 3 })).toMatchObject([
      {
        body: 'Container app of pod shop/web-1-a crashed with exit code 3',
        attributes: { 'k8s.container.probe.message': 'Readiness probe failed: warming' },
      },
    ])
  })
})

describe('a sidecar', () => {
  /** The pod of a Job whose sidecar never ends by itself. */
  const podWith = (main: object, sidecar: object, restartPolicy = 'Never') => {
    const name = 'proxy'
    const initContainers = [{ name, image: 'shop/proxy:1', restartPolicy: 'Always' }]
    const initContainerStatuses = [{ ...status(0, sidecar), name }]
    return podOf(status(0, main), { spec: { restartPolicy, initContainers }, status: { initContainerStatuses } })
  }
  const killed = terminated(1, { exitCode: 137, to: 30 })
  const crashed = terminated(1, { exitCode: 3, to: 30 })
  const before = podWith(running, running)
  const done = terminated(0, { exitCode: 0, reason: 'Completed', to: 0 })

  test.each<[string, object]>([
    ['the pod succeeded', podWith(done, killed)],
    ['it ends in the same second', podWith(done, terminated(1, { exitCode: 143, to: 0 }))],
    ['the pod is not restarted after a success', podWith(done, killed, 'OnFailure')],
  ])('that is stopped is not reported if %s', async (_when, after) => {
    const { requests } = await endOf(after, { before, count: 0 })
    expect(requests.map(({ container }) => container)).not.toContain('proxy')
  })

  test.each<[string, object]>([
    ['before the regular container', podWith(done, terminated(1, { exitCode: 3, to: -9 }))],
    ['while the regular container runs', podWith(running, crashed)],
    [
      'while the regular container is restarted',
      podWith(terminated(0, { exitCode: 0, reason: 'Completed' }), crashed, 'Always'),
    ],
    ['out of memory', podWith(done, terminated(1, { exitCode: 137, reason: 'OOMKilled', to: 30 }))],
  ])('that ends %s is reported', async (_when, after) => {
    const { event } = await endOf(after, { before })
    expect(event?.body).toMatch(/^Sidecar container proxy of pod shop\/web-1-a /)
  })
})

describe('an OOM kill', () => {
  const killed = (more: object = {}) => podOf(status(1, running, terminated(0, { exitCode: 137, from: -60, ...more })))
  const oomKilled = killed({ reason: 'OOMKilled' })
  const systemOom = (seconds: number, more: object = {}) =>
    report('SystemOOM', 'System OOM encountered, victim process: tail, pid: 42', {
      involvedObject: { kind: 'Node', name: 'node-1', uid: 'node-1' },
      firstTimestamp: at(seconds),
      lastTimestamp: at(seconds),
      ...more,
    })
  const kubeletKill = report('Killing', 'Container app failed liveness probe, will be restarted', {
    type: 'Normal',
    involvedObject: { kind: 'Pod', uid: 'pod-a', name: 'web-1-a', fieldPath: 'spec.containers{app}' },
    lastTimestamp: at(-2),
  })

  /** Watches a container that is killed with exit code 137, with evidence that arrives before and after its status. */
  async function watchKill(options: {
    readonly before?: (cluster: ReturnType<typeof scene>) => void
    readonly after?: (cluster: ReturnType<typeof scene>) => void
    readonly milliseconds?: number
  }) {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const cluster = scene()
    cluster.listed()
    const { events, stop } = cluster.watch(containerEvents)
    cluster.put(podOf(status(0, running)))
    options.before?.(cluster)
    cluster.put(killed())
    await vi.advanceTimersByTimeAsync(3_000)
    options.after?.(cluster)
    await vi.advanceTimersByTimeAsync(options.milliseconds ?? 0)
    return { events, stop, cluster }
  }
  const measured = (bytes: number, seconds: number) => (cluster: ReturnType<typeof scene>) =>
    cluster.client.lastMemory.take(
      [signals.containerMemoryWorkingSet.point(bytes, containerReference('pod-a', 'app'))],
      new Date(at(seconds)),
    )

  test('is not found for a report that the kubelet repeats when it starts again', async () => {
    const again = systemOom(0, { metadata: { name: 'again', uid: 'again', namespace: 'default' } })
    const { events } = await watchKill({
      before: ({ putOther }) => putOther('events', systemOom(-300)),
      after: ({ putOther }) => putOther('events', again),
      milliseconds: 3_000,
    })
    expect(events).toMatchObject([{ severity: 'error', attributes: { 'container.oom_killed': false } }])
  })

  test.each<[string, Parameters<typeof watchKill>[0]]>([
    ['a node event before its status', { before: ({ putOther }) => putOther('events', systemOom(-1)) }],
    ['a node event after its status', { after: ({ putOther }) => putOther('events', systemOom(1)) }],
    [
      'an event of the node problem detector',
      { after: ({ putOther }) => putOther('events', systemOom(0, { reason: 'OOMKilling' })) },
    ],
    [
      'one of many node events that the kubelet counts in one object',
      {
        before: ({ putOther }) => putOther('events', systemOom(0)),
        after: ({ putOther }) => putOther('events', systemOom(30, { count: 7 })),
      },
    ],
    ['a later status with the reason `OOMKilled`', { after: ({ put }) => put(oomKilled) }],
    ['a last memory reading at its limit', { before: measured(63 * 1024 ** 2, -5) }],
  ])('without a reason is critical by %s, and reported once', async (_evidence, options) => {
    const { events } = await watchKill(options)
    expect(events).toHaveLength(1)
    expect(events[0]).toMatchObject({
      id: 'pod-a/app/crashed/run-0',
      severity: 'critical',
      body: 'Container app of pod shop/web-1-a ran out of memory and ended with exit code 137 (SIGKILL)',
      attributes: { 'container.oom_killed': true, 'k8s.container.log': 'all is lost\n' },
    })
    await vi.advanceTimersByTimeAsync(10_000)
    expect(events).toHaveLength(1)
  })

  test.each<[string, Parameters<typeof watchKill>[0]]>([
    ['there is no evidence', {}],
    ['the OOM kill of the node was long before', { before: ({ putOther }) => putOther('events', systemOom(-30)) }],
    [
      'the OOM kill was on another node',
      {
        before: ({ putOther }) =>
          putOther('events', systemOom(0, { involvedObject: { kind: 'Node', name: 'node-2', uid: 'node-2' } })),
      },
    ],
    ['its memory was below its limit', { before: measured(32 * 1024 ** 2, -5) }],
    ['the memory reading is of the run before', { before: measured(64 * 1024 ** 2, -90) }],
    [
      'the kubelet killed it',
      {
        before: (cluster) => {
          cluster.putOther('events', kubeletKill)
          cluster.putOther('events', systemOom(0))
        },
      },
    ],
  ])('is not assumed after SIGKILL where %s', async (_what, options) => {
    const { events } = await watchKill({ ...options, milliseconds: 999 })
    expect(events).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(events).toMatchObject([{ severity: 'error', attributes: { 'container.oom_killed': false } }])
  })

  test.each([
    ['critical', 'within a minute', -60],
    ['error', 'longer before', -62],
  ])('is %s after SIGKILL on a node with ten known OOM kills %s', async (severity, _when, to) => {
    const pod = (number: number, end: object) =>
      podOf(status(1, running, terminated(0, { exitCode: 137, ...end })), {
        metadata: { uid: `pod-${number}`, name: `pod-${number}` },
      })
    const { events } = await watchKill({
      after: ({ put }) => {
        for (let number = 0; number < 10; number += 1) put(pod(number, { reason: 'OOMKilled', to }))
      },
    })
    await vi.advanceTimersByTimeAsync(5_000)
    await vi.waitFor(() => expect(events).toHaveLength(11), 20_000)
    const severities = events.map((event) => event.severity).sort()
    expect(severities).toEqual([...Array.from({ length: 10 }, () => 'critical'), severity].sort())
  })

  test('is awaited only after SIGKILL', async () => {
    const { event } = await endOf(podOf(status(1, running, terminated(0, { exitCode: 1 }))))
    expect(event.severity).toBe('error')
  })

  test('is left to the next agent where this one stops', async () => {
    const { events, stop } = await watchKill({})
    await stop()
    await vi.advanceTimersByTimeAsync(5_000)
    expect(events).toEqual([])
  })

  test('is not sampled with those of other pods', async () => {
    const cluster = scene()
    cluster.listed()
    const { events } = cluster.watch(containerEvents)
    for (let pod = 0; pod < 100; pod += 1) {
      const metadata = { metadata: { uid: `pod-${pod}`, name: `pod-${pod}` } }
      cluster.put(podOf(status(0, running), metadata))
      cluster.put(podOf(status(1, running, terminated(0, { exitCode: 137, reason: 'OOMKilled' })), metadata))
    }
    await expect.poll(() => events, { timeout: 10_000 }).toHaveLength(100)
    expect(new Set(events.map(({ severity }) => severity))).toEqual(new Set(['critical']))
    expect(new Set(events.map(({ id }) => id)).size).toBe(100)
  })
})

describe('the log of a crash', () => {
  test.each([
    ['the run before, where the container runs again', status(1, running, terminated(0)), true],
    ['the run before, where it waits', status(0, backOff, terminated(0)), true],
    ['the current run, where nothing came after it', status(0, terminated(0)), false],
  ])('is read from %s', async (_which, after, previous) => {
    const { requests } = await endOf(podOf(after))
    expect(requests[0]).toEqual({
      namespace: 'shop',
      pod: 'web-1-a',
      container: 'app',
      previous,
      lines: 201,
      limitBytes: 1_048_576,
    })
  })

  test('is read again if the container was restarted meanwhile', async () => {
    const cluster = scene(async ({ previous }) => {
      if (previous) return 'the end\n'
      cluster.put(podOf(status(1, running, terminated(0))))
      return 'a new beginning\n'
    })
    cluster.listed()
    const { events } = cluster.watch(containerEvents)
    cluster.put(podOf(status(0, running)))
    cluster.put(podOf(status(0, terminated(0))))
    await expect.poll(() => events).toHaveLength(1)
    expect(events[0]?.attributes['k8s.container.log']).toBe('the end\n')
  })

  test('is missing if the status no longer contains the run', async () => {
    const cluster = scene()
    cluster.listed()
    const { events } = cluster.watch(containerEvents)
    cluster.put(podOf(status(0, running)))
    const crashed = podOf(status(0, terminated(0)))
    cluster.raws.set('web-1-a', podOf(status(2, running, terminated(1))))
    cluster.putOther('pods', crashed)
    await expect.poll(() => events).toHaveLength(1)
    expect(events[0]?.attributes).toMatchObject({
      'k8s.container.log_missing': 'the container has run and ended again since',
    })
  })

  test('contains neither the secrets of the container nor text that looks like a secret', async () => {
    const message = 'canary-of-the-shop, api_key=canary-b'
    const { event } = await endOf(podOf(status(1, running, terminated(0, { message }))), {
      text: async () => '\u001b[31mrefused: canary-of-the-shop\u001b[0m\npassword=canary-c\n',
    })
    expect(event.attributes).toMatchObject({
      'k8s.container.last_terminated.message': '[redacted], api_key=[redacted]',
      'k8s.container.log': 'refused: [redacted]\npassword=[redacted]\n',
    })
    expect(JSON.stringify(event)).not.toContain('canary')
  })

  test('is requested again with fewer lines if the server sends only its beginning', async () => {
    const long = `${'x'.repeat(999)}\n`.repeat(1100)
    const { event, requests } = await endOf(podOf(status(1, running, terminated(0))), {
      text: async ({ lines }) => (lines === 201 ? long.slice(0, 1_048_576) : `${long.slice(0, 31_000)}the end\n`),
    })
    expect(requests.flatMap(({ pod, lines }) => (pod === 'web-1-a' ? [lines] : []))).toEqual([201, 33])
    const log = String(event.attributes['k8s.container.log'])
    expect(log.endsWith('\nthe end\n')).toBe(true)
    expect(Buffer.byteLength(log)).toBeLessThanOrEqual(16_384)
    expect(Buffer.byteLength(log)).toBeGreaterThan(15_000)
  })

  test('ends with a line of more than 16 KiB that the runtime broke', async () => {
    const line = `${'x y '.repeat(4_096)}\nand the reason is here\n`
    const { event } = await endOf(podOf(status(1, running, terminated(0))), { text: async () => `before\n${line}` })
    const log = String(event?.attributes['k8s.container.log'])
    expect(log).toHaveLength(16_384)
    expect(log.endsWith(' x y \nand the reason is here\n')).toBe(true)
  })

  test('that is forbidden names the missing permission and becomes a gap', async () => {
    const reason = 'A permission is missing: allow verb `get` on resource `pods/log`'
    const permission = { verb: 'get', group: '', resource: 'pods/log', namespace: 'scene' }
    const text = async (): Promise<string> => {
      throw new KubernetesError(reason, { status: 403, permission })
    }
    const { event, client } = await endOf(podOf(status(1, running, terminated(0))), { text })
    expect(event.attributes).toMatchObject({ 'container.exit_code': 1, 'k8s.container.log_missing': reason })
    const { gaps } = await clusterCollector.collect(client, usageContext().context)
    expect(gaps).toContainEqual({ scope: 'kubernetes:pods/log/scene', reason })
  })

  test('is not read with `crash_log_lines` 0', async () => {
    const { event, requests } = await endOf(
      podOf(status(1, running, terminated(0, { message: 'canary-of-the-shop' }))),
      {
        config: { crash_log_lines: 0 },
      },
    )
    expect(requests).toEqual([])
    expect(event.attributes).toMatchObject({
      'k8s.container.log_missing': '`crash_log_lines` is 0',
      'k8s.container.last_terminated.message': '[redacted]',
    })
  })

  test('is left out if the server does not answer in time', async () => {
    const cluster = followedCluster({
      get: (_resource, _path, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('it did not answer in time')))
        }),
    })
    cluster.listed()
    const { events } = cluster.watch(containerEvents)
    for (let pod = 0; pod < 20; pod += 1)
      cluster.put(
        'pods',
        podOf(status(1, running, terminated(0, { message: 'canary' })), {
          metadata: { uid: `p${pod}`, ownerReferences: [{ kind: 'X', name: 'x', uid: `x${pod}`, controller: true }] },
        }),
      )
    await expect.poll(() => events, { timeout: 8000 }).toHaveLength(20)
    for (const { attributes } of events) {
      expect(attributes['k8s.container.log_missing']).toBe('it did not answer in time')
      expect(attributes['k8s.container.last_terminated.message']).toBeUndefined()
    }
  }, 15_000)

  test('is not awaited by an agent that stops, which leaves the crash to the next agent', async () => {
    let answer: (text: string) => void = () => undefined
    const cluster = scene(
      () =>
        new Promise((resolve) => {
          answer = resolve
        }),
    )
    cluster.listed()
    const { events, stop } = cluster.watch(containerEvents)
    cluster.put(podOf(status(1, running, terminated(0))))
    await expect.poll(() => cluster.requests).toHaveLength(1)
    await stop()
    answer('too late')
    await new Promise((resolve) => setImmediate(resolve))
    expect(events).toEqual([])
  })
})

describe('a restart loop', () => {
  const crashes = async (cluster: ReturnType<typeof scene>, from: number, to: number, lasting = 1) => {
    for (let run = from; run < to; run += 1) {
      cluster.put(
        podOf(
          status(run, running, run === 0 ? {} : terminated(run - 1, { from: run * 1000 - lasting, to: run * 1000 })),
        ),
      )
      cluster.put(
        podOf(status(run, backOff, terminated(run, { from: (run + 1) * 1000 - lasting, to: (run + 1) * 1000 }))),
      )
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  const namesOf = (events: readonly { readonly id?: string }[]) => events.map(({ id }) => id?.replace('pod-a/app/', ''))

  test('is sampled: 1000 restarts are nine events', async () => {
    const cluster = scene()
    cluster.listed()
    const { events } = cluster.watch(containerEvents)
    await crashes(cluster, 0, 1000)
    await expect
      .poll(() => namesOf(events))
      .toEqual([
        'crashed/run-0',
        'crashed/run-1',
        'crashed/run-2',
        ...[4, 10, 30, 100, 300, 1000].map((count) => `restart_loop/${count}`),
      ])
    expect(events.at(-1)).toMatchObject({
      name: 'k8s.container.restart_loop',
      body: 'Container app of pod shop/web-1-a ends again and again, 1000 times in a row: it crashed with exit code 1',
      attributes: { 'k8s.container.restart_loop.count': 1000, 'k8s.container.log': 'all is lost\n' },
    })
  })

  test('is reported with the same ids by an agent that starts later', async () => {
    const cluster = scene()
    cluster.put(podOf(status(57, running, terminated(56))))
    const { events } = cluster.watch(containerEvents, () => new Date(at(10)))
    cluster.listed()
    await crashes(cluster, 57, 101)
    await expect.poll(() => namesOf(events)).toEqual(['restart_loop/30', 'restart_loop/100'])
    expect(events[0]?.attributes['k8s.container.restart_loop.count']).toBe(57)
  })

  test('starts from scratch after a run of ten minutes', async () => {
    const cluster = scene()
    cluster.listed()
    const { events } = cluster.watch(containerEvents)
    await crashes(cluster, 0, 5)
    await crashes(cluster, 5, 6, 600)
    await crashes(cluster, 6, 10)
    await expect
      .poll(() => namesOf(events))
      .toEqual([
        ...['crashed/run-0', 'crashed/run-1', 'crashed/run-2', 'restart_loop/4'],
        ...['crashed/run-5', 'crashed/run-6', 'crashed/run-7', 'restart_loop/9'],
      ])
  })

  test('is reported for a container that succeeds again and again', async () => {
    const ended = (run: number) => terminated(run, { exitCode: 0, reason: 'Completed' })
    const { event } = await endOf(podOf(status(3, backOff, ended(3))), { before: podOf(status(3, running, ended(2))) })
    expect(event).toMatchObject({ name: 'k8s.container.restart_loop', severity: 'error' })
  })
})

test('samples crashes in pods of a CronJob together, and reads evidence only for the samples', async () => {
  const cluster = scene()
  const owner = (kind: string, name: string) => [{ kind, name, uid: name, controller: true }]
  cluster.listed()
  const { events } = cluster.watch(containerEvents)
  for (let number = 0; number < 120; number += 1) {
    const [job, name] = [`job-${number}`, `pod-${number}`]
    const metadata = { name: job, uid: job, namespace: 'shop', ownerReferences: owner('CronJob', 'nightly') }
    cluster.putOther('jobs', { metadata })
    const parts = {
      metadata: { name, uid: name, ownerReferences: owner('Job', job) },
      spec: { restartPolicy: 'Never' },
    }
    cluster.put(podOf(status(0, running), parts))
    cluster.put(podOf(status(0, terminated(0)), { ...parts, status: { phase: 'Failed' } }))
  }
  await expect.poll(() => events.length, { timeout: 20_000 }).toBe(7)
  expect(events.at(-1)).toMatchObject({
    entity: { id: 'pod-99/app' },
    body: 'Container app of pod shop/pod-99 crashed with exit code 1 (the 100th of its kind, not all are reported)',
    attributes: { 'k8s.workload.container_ends': 100, 'k8s.workload.name': 'nightly' },
  })
  expect(cluster.requests).toHaveLength(7)
})

describe('a container that cannot be started', () => {
  test.each([
    ['StartError', {}],
    ['Error', { startedAt: '1970-01-01T00:00:00Z' }],
  ])('again and again with the reason %s did not crash', async (reason, more) => {
    const end = (run: number) => {
      const { terminated: state } = terminated(run, { exitCode: 128, reason, to: run })
      return { terminated: { ...state, ...more } }
    }
    const before = podOf(status(3, end(3), end(2)))
    const { events } = await endOf(podOf(status(4, backOff, end(3))), { before, count: 2 })
    expect(events.map(({ body }) => body)).toContain(
      `Container app of pod shop/web-1-a could not be started 4 times in a row: ${reason}, exit code 128`,
    )
    expect(JSON.stringify(events)).not.toContain('crashed with')
  })

  const pulling = (name: string, reason = 'ErrImagePull', message = 'pull of registry/x: token=canary-pull refused') =>
    podOf(status(0, waiting(reason, message), {}, { imageID: '' }), { metadata: { name, uid: name } })

  test('is reported once for all reasons of one kind', async () => {
    const cluster = scene()
    cluster.listed()
    const { events } = cluster.watch(containerEvents)
    cluster.put(pulling('pod-a', 'ContainerCreating', ''))
    cluster.put(pulling('pod-a'))
    cluster.put(pulling('pod-a', 'ImagePullBackOff', 'Back-off pulling image'))
    cluster.put(pulling('pod-a'))
    expect(events).toHaveLength(1)
    expect(events[0]).toMatchObject({
      name: 'k8s.container.start_failed',
      id: expect.stringMatching(/^pod-a\/app\/start_failed\/image\/[0-9a-f]{12}\/1$/),
      body: 'Container app of pod shop/pod-a cannot be started: ErrImagePull: pull of registry/x: token=[redacted] refused',
      attributes: {
        'k8s.container.start_failed.kind': 'image',
        'k8s.workload.name': 'web',
        'k8s.workload.pods_affected': 1,
      },
    })
  })

  test('is reported again after a run, with the same id by every agent', () => {
    const cluster = scene()
    cluster.listed()
    const { events } = cluster.watch(containerEvents)
    const refused = (last: object) => podOf(status(0, waiting('ErrImagePull', 'no'), last))
    cluster.put(refused({}))
    cluster.put(podOf(status(0, running)))
    vi.useFakeTimers({ now: Date.now() + 3_600_000, toFake: ['Date'] })
    cluster.put(refused(terminated(0, { exitCode: 0, reason: 'Completed' })))
    cluster.put(refused(terminated(0, { exitCode: 0, reason: 'Completed' })))
    vi.useRealTimers()
    const ids = events.map(({ id }) => id)
    expect(ids).toEqual([expect.stringMatching(/^pod-a\/app\//), expect.stringMatching(/^pod-a\/1\/app\//)])
    expect(cluster.watch(containerEvents, () => new Date(START)).events.map(({ id }) => id)).toEqual([ids[1]])
  })

  test('is sampled together with other pods of its revision', () => {
    const cluster = scene()
    cluster.listed()
    const { events } = cluster.watch(containerEvents)
    for (let pod = 10; pod < 60; pod += 1) cluster.put(pulling(`pod-${pod}`))
    expect(events.map(({ id }) => id)).toEqual(
      [1, 2, 3, 4, 10, 30].map((count) => expect.stringMatching(new RegExp(`^pod-10/.*/${count}$`))),
    )
    expect(cluster.watch(containerEvents, () => new Date(START)).events.map(({ id }) => id)).toEqual(
      events.map(({ id }) => id),
    )
  })

  test('is named after the oldest pod of its revision, whatever the order of the list', () => {
    const cluster = scene()
    for (const name of ['pod-c', 'pod-b', 'pod-d']) cluster.put(pulling(name))
    const { events } = cluster.watch(containerEvents, () => new Date(at(60)))
    expect(events.map(({ id }) => id)).toEqual(
      [1, 2, 3].map((count) => expect.stringMatching(new RegExp(`^pod-b/.*/${count}$`))),
    )
    expect(cluster.watch(containerEvents, () => new Date(at(901))).events).toEqual([])
  })

  test('is reported with the error of the pull if the state shows only the back-off', () => {
    const cluster = scene()
    cluster.listed()
    const { events } = cluster.watch(containerEvents)
    cluster.putOther(
      'events',
      report('Failed', 'Failed to pull image "shop/web:1": not found', {
        involvedObject: { kind: 'Pod', uid: 'pod-a', name: 'web-1-a', fieldPath: 'spec.containers{app}' },
      }),
    )
    cluster.put(podOf(status(0, waiting('ImagePullBackOff', 'Back-off pulling image "shop/web:1"'))))
    expect(events[0]?.attributes['k8s.container.error']).toBe('Failed to pull image "shop/web:1": not found')
  })

  test.each([
    ['CreateContainerConfigError', waiting('CreateContainerConfigError', 'secret "db" not found'), 'config'],
    [
      'PostStartHookError',
      waiting("PostStartHookError: command 'sh -c canary' exited with 4: canary", undefined),
      'runtime',
    ],
    ['StartError', terminated(0, { exitCode: 128, reason: 'StartError', message: 'no such file' }), 'runtime'],
    [
      'ContainerCannotRun',
      terminated(0, { exitCode: 127, reason: 'ContainerCannotRun', message: 'no such file' }),
      'runtime',
    ],
  ])('is reported with the reason %s', async (reason, state, kind) => {
    const { event } = await endOf(podOf(status(0, state)))
    expect(event).toMatchObject({
      name: 'k8s.container.start_failed',
      attributes: { 'k8s.container.state_reason': reason, 'k8s.container.start_failed.kind': kind },
    })
  })
})

test('reports the pod that a real server wrote', async () => {
  const raw = captured('pod')
  const cluster = scene(async () => 'the secret is canary-pod-env\n')
  cluster.put(raw)
  const { events } = cluster.watch(containerEvents, () => new Date('2026-11-24T10:06:00Z'))
  await expect.poll(() => events).toHaveLength(1)
  expect(events[0]).toMatchObject({
    name: 'k8s.container.restart_loop',
    severity: 'critical',
    at: '2026-11-24T10:05:00.000Z',
    attributes: {
      'container.exit_code': 137,
      'k8s.container.memory.limit': 67_108_864,
      'k8s.container.restart.count': 7,
      'k8s.container.log': expect.stringContaining('[redacted]'),
    },
  })
  expect(JSON.stringify(events)).not.toContain('canary')
})
