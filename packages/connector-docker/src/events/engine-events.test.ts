import { setImmediate } from 'node:timers/promises'
import type { Event, WatchContext } from '@rca/core/connector'
import { describe, expect, test, vi } from 'vitest'
import { changed, containerEvent } from '../../test/engine-events.ts'
import { eventLog } from '../../test/event-log.ts'
import { fakeClient, fakeEngine } from '../../test/fake-engine.ts'
import { canary, captured, engineNames, exactEngine } from '../../test/fixtures.ts'
import { type Replay, replay } from '../../test/replay.ts'
import { startWatching } from '../../test/watch-engine.ts'
import type { ContainerDetails, EngineEvent } from '../engine/engine-api.ts'
import { EngineError } from '../engine/engine-error.ts'

/** Returns a cursor just before the first event of a scene. */
function before({ events: [first] }: Replay): string {
  return JSON.stringify({ timeNano: `${BigInt(first?.timeNano ?? 0) - 1_000_000_000n}`, ids: [] })
}

/** Returns ids, without those of OOM kills: each ends its container, and is reported with an exit that is not late. */
const idsOf = (events: readonly Event[]): (string | undefined)[] => events.filter(isNoOomKill).map(({ id }) => id)

const isNoOomKill = ({ name }: Event): boolean => name !== 'container.oom'

/** Reported events. Executions, attachments and mounts are not reported. */
const REPORTED = new Set([
  ...['create', 'start', 'die', 'kill', 'stop', 'restart', 'pause', 'unpause', 'rename', 'update', 'destroy'].map(
    (action) => `container/${action}`,
  ),
  'container/health_status',
  ...['pull', 'tag', 'untag', 'delete'].map((action) => `image/${action}`),
  ...['create', 'destroy', 'connect', 'disconnect'].map((action) => `network/${action}`),
  ...['create', 'destroy'].map((action) => `volume/${action}`),
])

/**
 * Returns the ids of the events to report for a scene. Of `looping`, four crashes in full, then the 10th as a count,
 * and no starts and network connections between counted crashes. Of health checks, changed results only.
 */
function expectedIds(events: readonly EngineEvent[]): string[] {
  let crashes = 0
  let looping = ''
  const health = new Map<string, string>()
  const connections = new Map<string, string>()
  const ended = new Set<string>()
  return events.flatMap(({ type, action, actor, attributes, timeNano }) => {
    const [word = '', found = ''] = action.split(': ')
    const verb = word
    if (verb === 'die' && attributes.name === 'looping') looping = actor
    if (crashes > 4 && verb === 'start' && actor === looping) return []
    if (crashes > 4 && type === 'network' && attributes.container === looping) return []
    if (verb === 'start') health.delete(actor)
    if (verb === 'die') ended.add(actor)
    if (verb === 'start') ended.delete(actor)
    // Podman announces restarts of the policy, before the start.
    if (verb === 'restart' && ended.has(actor)) return []
    if (verb === 'health_status') {
      if (found === 'starting' || health.get(actor) === found) return []
      health.set(actor, found)
    }
    if (!REPORTED.has(`${type}/${verb}`)) return []
    if (type === 'network' && attributes.container !== undefined) {
      const key = `${attributes.container}/${actor}`
      // Engine 26 reports some disconnections twice.
      if (verb === 'disconnect' && connections.get(key) === verb) return []
      connections.set(key, verb)
    }
    if (verb === 'die' && attributes.name === 'looping') {
      crashes += 1
      if (crashes > 4 && ![10, 30].includes(crashes)) return []
    }
    const id = `docker/${timeNano}/${actor.replace('sha256:', '')}/${verb}`
    return [verb === 'update' ? `${id}/changed` : id]
  })
}

/** Runs a check for every captured engine concurrently: most of the time is spent waiting for silence. */
function ofEveryEngine(check: (name: string) => Promise<void>): () => Promise<void> {
  return async () => void (await Promise.all(engineNames.map(check)))
}

/** Plays a captured scene. Returns the reported events. */
async function watchScene(name: string, config: Readonly<Record<string, unknown>> = {}) {
  const scene = replay(captured(name))
  const client = fakeClient(captured(name), { engine: scene.engine, config })
  const watching = startWatching(client, scene.log, { cursor: before(scene) })
  await watching.caughtUp()
  await scene.play()
  await watching.caughtUp()
  return { scene, reported: watching.events() }
}

const isGap = ({ name }: Event): boolean => name === 'docker.engine.events_missed'

describe.concurrent('engineEvents: captured events', () => {
  test(
    'are reported once, in order and without secrets',
    ofEveryEngine(async (name) => {
      const { scene, reported } = await watchScene(name)
      expect(idsOf(reported), name).toEqual(expectedIds(scene.events))
      expect(new Set(idsOf(reported)).size, name).toBe(reported.filter(isNoOomKill).length)
      expect(JSON.stringify(reported), name).not.toContain(canary)
    }),
  )

  test(
    "are reported with the same ids from the engine's backlog, although the containers no longer exist",
    ofEveryEngine(async (name) => {
      const scene = replay(captured(name))
      await scene.play()
      const client = fakeClient(captured(name), { engine: scene.engine })
      const watching = startWatching(client, scene.log, { cursor: before(scene) })
      await watching.caughtUp()
      // Changes are only visible at the time.
      const isSeenAtOnceOnly = (id: string): boolean => id.endsWith('/changed')
      expect(idsOf(watching.events()), name).toEqual(expectedIds(scene.events).filter((id) => !isSeenAtOnceOnly(id)))
    }),
  )

  test(
    'are reported once although the stream breaks repeatedly',
    ofEveryEngine(async (name) => {
      const scene = replay(captured(name))
      const client = fakeClient(captured(name), { engine: scene.engine })
      const reported: Event[] = []
      let cursor: string | undefined = before(scene)
      for (const isLast of [false, false, false, true]) {
        const watching = startWatching(client, scene.log, { cursor })
        await watching.caughtUp()
        await scene.play(Math.ceil(scene.events.length / 4))
        if (isLast) await watching.caughtUp()
        else {
          scene.log.break(new Error('the engine stopped'))
          await watching.ended
        }
        reported.push(...watching.events())
        cursor = watching.cursor()
      }
      expect(idsOf(reported.filter((event) => !isGap(event))), name).toEqual(expectedIds(scene.events))
      // The engine remembers every event.
      expect(reported.filter(isGap), name).toEqual([])
    }),
  )

  test(
    'are reported without excluded containers',
    ofEveryEngine(async (name) => {
      const { scene, reported } = await watchScene(name, { exclude_containers: ['looping', 'shop-*'] })
      const leftOut = scene.events
        .filter(({ type, attributes }) => type === 'container' && /^(looping|shop-)/.test(attributes.name ?? ''))
        .map(({ actor }) => actor)
      expect(new Set(leftOut).size, name).toBe(2)
      expect(
        reported.filter(({ attributes }) => leftOut.includes(String(attributes['container.id']))),
        name,
      ).toEqual([])
      expect(
        reported.some(({ attributes }) => attributes['container.name'] === 'plain'),
        name,
      ).toBe(true)
    }),
  )
})

test.concurrent('engineEvents: captured events form the history of each container', async () => {
  const { reported } = await watchScene(exactEngine)
  const storyOf = (name: string): string[] =>
    reported
      .filter(isNoOomKill)
      .filter(({ name: event, attributes }) => attributes['container.name'] === name && event.startsWith('container.'))
      .map(({ name: event, attributes }) =>
        [event.slice('container.'.length), attributes['container.state'] ?? attributes['container.exit_code']]
          .filter((part) => part !== undefined)
          .join(' '),
      )
  expect(storyOf('crashed')).toEqual(['created', 'started', 'crashed 3', 'removed'])
  expect(storyOf('oom')).toEqual(['created', 'started', 'crashed 137', 'removed'])
  expect(storyOf('looping')).toEqual([
    ...['created', 'started', 'crashed 1', 'started', 'crashed 1', 'started', 'crashed 1', 'started', 'crashed 1'],
    ...['started', 'removed'],
  ])
  expect(storyOf('plain')).toEqual([
    ...['created', 'started', 'paused', 'unpaused', 'changed'],
    ...['killed', 'exited 0', 'stopped', 'started', 'killed', 'exited 137', 'removed'],
  ])
  // A harmless signal, then one that stops it.
  expect(storyOf('on-host')).toEqual([
    ...['created', 'started', 'paused', 'unpaused', 'killed', 'killed', 'exited 137', 'removed'],
  ])
  // The engine sends `healthy` again after the container is resumed.
  expect(storyOf('shop-web-1')).toEqual([
    ...['created', 'started', 'health_changed', 'paused', 'unpaused'],
    ...['killed', 'killed', 'exited 137', 'stopped', 'started', 'restarted', 'killed', 'exited 137', 'removed'],
  ])
  expect(storyOf('visitor')).toEqual(['created', 'started', 'exited 0', 'removed'])
  expect(storyOf('renamed')).toEqual(['renamed', 'removed'])
})

/** Returns an empty engine, and functions to create containers and send events. */
function world(config: Readonly<Record<string, unknown>> = {}) {
  const of = captured()
  const log = eventLog()
  const failures: { containers?: Error } = {}
  const engine = fakeEngine(of, {
    events: log.events,
    logs: async () => 'all is lost\n',
    containers: async () => {
      if (failures.containers !== undefined) throw failures.containers
      return [...engine.existing.values()].map(({ id, state }) => ({ id, state: state.status, status: '' }))
    },
  })
  engine.existing.clear()
  const client = fakeClient(of, { engine, config })
  /** Creates or changes a container. Times are of 25 November 2026. */
  const set = (name: string, created: string, started?: string, ended?: string, exitCode = 0): ContainerDetails => {
    const at = (time: string | undefined) => (time === undefined ? undefined : `2026-11-25T${time}Z`)
    const container = changed(of.container('plain'), {
      id: name.repeat(64).slice(0, 64),
      name,
      created: `2026-11-25T${created}Z`,
      state: {
        status: ended !== undefined && (started ?? '') < ended ? 'exited' : 'running',
        startedAt: at(started),
        finishedAt: at(ended),
        exitCode,
      },
    })
    engine.existing.set(container.id, container)
    return container
  }
  const send = (action: string, container: ContainerDetails, time: string, more?: Readonly<Record<string, string>>) =>
    log.send(containerEvent(action, container, `2026-11-25T${time}Z`, more))
  return {
    client,
    engine,
    log,
    failures,
    set,
    send,
    /** Starts a watcher at a time of that day. */
    watch: (time: string, cursor?: string, onEmit?: WatchContext['emit']) =>
      startWatching(client, log, { cursor, now: () => new Date(`2026-11-25T${time}Z`), onEmit }),
  }
}

const summaryOf = (reported: readonly Event[]): string[] =>
  reported.map(({ at, name, attributes }) =>
    [at.slice(11, -1), name.replace(/^.*\./, ''), attributes['container.name']].filter(Boolean).join(' '),
  )

const disconnected = new Error('The engine closed the connection: it was stopped or restarted')

describe.concurrent('engineEvents: restarted engine', () => {
  /**
   * Restarts the engine: `web` restarts with it, `old` is removed, and `job` is created and crashes in the meantime.
   */
  const restart = async () => {
    const made = world()
    const { set, send, log, engine } = made
    const first = made.watch('00:00:00')
    await first.caughtUp()
    const web = set('web', '00:00:01', '00:00:02')
    const old = set('old', '00:00:03', '00:00:04', '00:00:05')
    for (const [action, container, time] of [
      ['create', web, '00:00:01.1'],
      ['start', web, '00:00:02.1'],
      ['create', old, '00:00:03.1'],
      ['start', old, '00:00:04.1'],
      ['die', old, '00:00:05.1'],
    ] as const)
      send(action, container, time)
    await first.caughtUp()
    log.break(disconnected)
    log.forget()
    set('web', '00:00:01', '00:01:02.25', '00:01:00')
    const job = set('job', '00:02:00', '00:02:01.123456789', '00:02:02', 3)
    engine.existing.delete(old.id)
    const error = await first.ended
    return { ...made, first, error, web, old, job }
  }

  test('rejects with the reason after the received events, and saves the start of the interruption', async () => {
    const { error, first } = await restart()
    expect(error).toBe(disconnected)
    expect(summaryOf(first.events())).toEqual([
      '00:00:01.100 created web',
      '00:00:02.100 started web',
      '00:00:03.100 created old',
      '00:00:04.100 started old',
      '00:00:05.100 exited old',
    ])
    expect(JSON.parse(first.cursor() ?? '')).toMatchObject({
      timeNano: '1795564805100000001',
      brokenAt: '2026-11-25T00:00:00.000Z',
    })
  })

  test('infers missed events once and in order, and reports the interruption', async () => {
    const { watch, first, job, log } = await restart()
    const second = watch('00:05:00', first.cursor())
    await second.caughtUp()
    expect(log.requests.at(-1)).toBe('1795564805.100000001')
    expect(summaryOf(second.events())).toEqual([
      '00:01:00.000 exited web',
      '00:01:02.250 started web',
      '00:02:00.000 created job',
      '00:02:01.123 started job',
      '00:02:02.000 crashed job',
      '00:05:00.000 removed old',
      '00:05:00.000 events_missed',
    ])
    expect(second.events()[3]?.id).toBe(`docker/1795564921123456789/${job.id}/start`)
    expect(second.events()[4]).toMatchObject({
      attributes: { 'container.exit_code': 3, 'container.log': 'all is lost\n' },
    })
    expect(second.events().at(-1)).toEqual({
      id: 'docker/missed/2026-11-25T00:00:00.000Z',
      name: 'docker.engine.events_missed',
      severity: 'warning',
      at: '2026-11-25T00:05:00.000Z',
      entity: { type: 'docker.engine', id: captured().info.id },
      body: expect.stringContaining('from 2026-11-25T00:00:00.000Z to 2026-11-25T00:05:00.000Z may be missing'),
      attributes: {
        'docker.events.since': '2026-11-25T00:00:00.000Z',
        'docker.events.until': '2026-11-25T00:05:00.000Z',
      },
    })
    // The interruption is saved until then. The position is the newest event by the engine's own clock.
    expect(second.cursors.slice(0, -2).every((cursor) => cursor.includes('brokenAt'))).toBe(true)
    expect(JSON.parse(second.cursor() ?? '')).toEqual({
      timeNano: '1795564922000000000',
      ids: [`docker/1795564922000000000/${job.id}/die`],
    })
  })

  test('does not report inferred events again when the engine sends them late', async () => {
    const { watch, first, job, old, send } = await restart()
    const second = watch('00:05:00', first.cursor())
    await second.caughtUp()
    const count = second.events().length
    send('start', job, '00:02:01.2')
    send('die', job, '00:02:02.3', { exitCode: '3' })
    send('destroy', old, '00:02:03')
    send('start', job, '00:06:00')
    await second.caughtUp()
    expect(summaryOf(second.events().slice(count))).toEqual(['00:06:00.000 started job'])
  })

  test('reports a second interruption without repeated events', async () => {
    const { watch, first, log } = await restart()
    const second = watch('00:05:00', first.cursor())
    await second.caughtUp()
    expect(second.cursor()).not.toContain('brokenAt')
    log.break(disconnected)
    await second.ended
    const third = watch('00:07:00', second.cursor())
    await third.caughtUp()
    expect(summaryOf(third.events())).toEqual(['00:07:00.000 events_missed'])
    expect(third.events()[0]?.attributes).toEqual({
      'docker.events.since': '2026-11-25T00:05:00.000Z',
      'docker.events.until': '2026-11-25T00:07:00.000Z',
    })
  })

  test('keeps the interruption in the cursor until the backlog is handled', async () => {
    const { set, send, watch, log } = world()
    const first = watch('00:00:00')
    await first.caughtUp()
    log.break(disconnected)
    await first.ended
    send('stop', set('web', '00:00:00'), '00:00:02')
    const second = watch('00:05:00', first.cursor())
    await second.caughtUp()
    // The engine remembers every event: none is missing.
    expect(summaryOf(second.events())).toEqual(['00:00:02.000 stopped web'])
    expect(second.cursors[0]).toContain('brokenAt')
    expect(second.cursor()).not.toContain('brokenAt')
  })

  test('reports one interruption from the first break when reconnecting fails', async () => {
    const { watch, first, failures } = await restart()
    failures.containers = new Error('No engine answers')
    const second = watch('00:03:00', first.cursor())
    expect(await second.ended).toBe(failures.containers)
    delete failures.containers
    const third = watch('00:05:00', second.cursor())
    await third.caughtUp()
    expect(third.events().find(isGap)?.attributes['docker.events.since']).toBe('2026-11-25T00:00:00.000Z')
  })

  test('infers missed events after a restart of the agent, from the cursor alone', async () => {
    const { first, set, engine } = await restart()
    const again = world()
    set('later', '00:03:00')
    for (const container of engine.existing.values()) again.engine.existing.set(container.id, container)
    const second = again.watch('00:05:00', first.cursor())
    await second.caughtUp()
    expect(summaryOf(second.events())).toEqual([
      '00:01:00.000 exited web',
      '00:01:02.250 started web',
      '00:02:00.000 created job',
      '00:02:01.123 started job',
      '00:02:02.000 crashed job',
      '00:03:00.000 created later',
      '00:05:00.000 events_missed',
    ])
  })

  test('reports a change of a container that was recreated during the interruption', async () => {
    const { watch, first, web, engine } = await restart()
    engine.existing.delete(web.id)
    engine.existing.set(
      'f'.repeat(64),
      changed(web, { id: 'f'.repeat(64), image: 'shop/web:2', created: '2026-11-25T00:03:00Z' }),
    )
    const second = watch('00:05:00', first.cursor())
    await second.caughtUp()
    expect(second.events().find(({ name }) => name === 'container.changed')?.body).toBe(
      'Container web was recreated: image busybox:local → shop/web:2',
    )
  })
})

describe.concurrent('engineEvents: backlog', () => {
  const cursor = JSON.stringify({ timeNano: '1795564800000000000', ids: [] })

  test('reports the backlog and the removal of a container that disappeared', async () => {
    const { engine, set, send, watch } = world()
    const job = set('job', '00:00:01')
    send('create', job, '00:00:01.1')
    engine.existing.clear()
    const watching = watch('00:05:00', cursor)
    await watching.caughtUp()
    expect(watching.events().map(({ name, entity }) => `${name} ${entity.id}`)).toEqual([
      `container.created ${job.id}`,
      `container.removed ${job.id}`,
    ])
  })

  test('prefers a late event of the engine to an inferred one', async () => {
    const { engine, set, send, watch } = world()
    const web = set('web', '00:00:01', '00:00:02')
    const list = engine.containers
    let lists = 0
    Object.assign(engine, {
      containers: (async (signal) => {
        lists += 1
        // Once before the stream is read, and once when it is silent.
        if (lists === 2) {
          set('web', '00:00:01', '00:00:02', '00:00:59.8')
          setTimeout(() => send('die', web, '00:00:59.9', { exitCode: '0' }), 50)
        }
        return list(signal)
      }) satisfies typeof list,
    })
    send('create', web, '00:00:01.1')
    send('start', web, '00:00:02.1')
    const watching = watch('00:05:00', cursor)
    await watching.caughtUp()
    expect(summaryOf(watching.events())).toEqual([
      '00:00:01.100 created web',
      '00:00:02.100 started web',
      '00:00:59.900 exited web',
    ])
  })

  test('compares a new container with a predecessor from before the start', async () => {
    const { engine, set, send, watch } = world()
    const before = set('web', '00:00:01', '00:00:02')
    const watching = watch('01:00:00')
    await watching.caughtUp()
    engine.existing.delete(before.id)
    const next = changed(before, { id: 'f'.repeat(64), image: 'shop/web:2', created: '2026-11-25T02:00:00Z' })
    engine.existing.set(next.id, next)
    send('create', next, '02:00:00.1')
    await watching.caughtUp()
    expect(watching.events().map(({ name }) => name)).toEqual(['container.created', 'container.changed'])
  })
})

describe.concurrent('engineEvents: closed connection', () => {
  const closed = new EngineError('closed', { cause: Object.assign(new Error('closed'), { code: 'ECONNRESET' }) })

  test('is opened again at once when a proxy closes it after a while, without an interruption', async () => {
    const { client, log, set, send } = world()
    let now = Date.parse('2026-11-25T00:00:00Z')
    const watching = startWatching(client, log, { now: () => new Date(now) })
    await watching.caughtUp()
    now += 60_000
    log.break(closed)
    send('stop', set('web', '00:00:00'), '00:00:30')
    await vi.waitFor(() => expect(log.requests).toHaveLength(2), 10_000)
    await watching.caughtUp()
    expect(summaryOf(watching.events())).toEqual(['00:00:30.000 stopped web'])
    expect(watching.cursor()).not.toContain('brokenAt')
  })

  test('rejects when it closes at once', async () => {
    const { watch, log } = world()
    const watching = watch('00:00:00')
    await watching.caughtUp()
    log.break(closed)
    expect(await watching.ended).toBe(closed)
  })
})

describe.concurrent('engineEvents: open stream that lacks events', () => {
  /** Returns a watcher that has handled the start of a container. */
  async function following() {
    const made = world()
    const watching = made.watch('00:01:00')
    await watching.caughtUp()
    const web = made.set('web', '00:01:01', '00:01:02')
    made.send('create', web, '00:01:01')
    made.send('start', web, '00:01:02')
    await watching.caughtUp()
    await watching.check()
    await watching.check()
    return { ...made, web, watching }
  }

  test('notices within two checks that a crash and a removal were not delivered', async () => {
    const { set, engine, watch, watching, web, send, client } = await following()
    const old = set('old', '00:01:01')
    send('create', old, '00:01:01')
    await watching.caughtUp()
    set('web', '00:01:01', '00:01:02', '00:02:00', 3)
    set('new', '00:02:01', '00:02:02')
    engine.existing.delete(old.id)
    await watching.check()
    await watching.check()
    expect(await watching.ended).toMatchObject({
      name: 'EngineError',
      message: expect.stringMatching(/is open, but lacks \d+ events, such as .* of /),
    })
    expect(JSON.parse(watching.cursor() ?? '')).toMatchObject({ brokenAt: '2026-11-25T00:01:00.000Z', isLost: true })
    const second = watch('00:05:00', watching.cursor())
    await second.caughtUp()
    expect(summaryOf(second.events())).toEqual([
      '00:02:00.000 crashed web',
      '00:02:01.000 created new',
      '00:02:02.000 started new',
      '00:05:00.000 removed old',
      '00:05:00.000 events_missed',
    ])
    expect(second.events().at(-1)?.attributes['docker.events.since']).toBe('2026-11-25T00:01:00.000Z')
    // Entities are current.
    const now = await client.inventory.containers(new AbortController().signal)
    expect(now.map(({ name, state }) => `${name} ${state.status}`).toSorted()).toEqual(['new running', 'web exited'])
    expect(now.find(({ id }) => id === web.id)?.state.exitCode).toBe(3)
  })

  test('does not take an event for missing that arrives before the second check', async () => {
    const { set, send, watching } = await following()
    const web = set('web', '00:01:01', '00:01:02', '00:02:00', 3)
    await watching.check()
    send('die', web, '00:02:00.1', { exitCode: '3' })
    await watching.caughtUp()
    await watching.check()
    await watching.check()
    expect(summaryOf(watching.events()).at(-1)).toBe('00:02:00.100 crashed web')
    expect(await Promise.race([watching.ended, 'open'])).toBe('open')
  })

  test('keeps the times of an engine whose clock is behind, with the offset, and still notices missing events', async () => {
    const { set, send, watch, client } = world()
    const askedAt = Date.parse('2026-11-25T00:11:00Z')
    client.clock.measure('2026-11-25T00:01:00Z', askedAt, askedAt)
    const watching = watch('00:11:00')
    await watching.caughtUp()
    send('create', set('web', '00:01:01'), '00:01:01')
    await watching.caughtUp()
    expect(summaryOf(watching.events())).toEqual(['00:01:01.000 created web'])
    expect(watching.events()).toMatchObject([{ clock_offset_ms: -600_000 }])
    set('web', '00:01:01', '00:01:02', '00:02:00', 3)
    await watching.check()
    await watching.check()
    expect(await watching.ended).toMatchObject({ name: 'EngineError' })
    expect(JSON.parse(watching.cursor() ?? '')).toMatchObject({ brokenAt: '2026-11-25T00:01:00.000Z' })
  })

  test('goes on when the containers cannot be listed', async () => {
    const { failures, watching, send, web } = await following()
    failures.containers = new Error('No engine answers')
    await watching.check()
    await watching.check()
    delete failures.containers
    send('pause', web, '00:03:00')
    await watching.caughtUp()
    expect(summaryOf(watching.events()).at(-1)).toBe('00:03:00.000 paused web')
  })

  test('reports failed starts in the network of another container, which send no event', async () => {
    const { engine, watching, set, send } = await following()
    const fail = (error: string): void => {
      const made = set('vpn-client', '00:01:30')
      const networkMode = `container:${'0'.repeat(64)}`
      engine.existing.set(made.id, changed(made, { networkMode, state: { status: 'created', exitCode: 128, error } }))
    }
    fail('No such container: 000')
    send('create', set('vpn-client', '00:01:30'), '00:01:30')
    fail('No such container: 000')
    for (let count = 0; count < 3; count += 1) await watching.check()
    fail('cannot join network of a non running container: 000')
    await watching.check()
    await watching.caughtUp()
    const failures = watching.events().filter(({ name }) => name === 'container.start_failed')
    expect(failures.map(({ body }) => body)).toEqual([
      'Container vpn-client could not be started: No such container: 000',
      'Container vpn-client could not be started: cannot join network of a non running container: 000',
    ])
    expect(failures[0]).toMatchObject({ severity: 'error', attributes: { 'container.exit_code': 128 } })
  })
})

describe.concurrent('engineEvents: agent restart', () => {
  const cursorAfter = (timeNano: string, id: string): string => JSON.stringify({ timeNano, ids: [id] })

  test('reports no interruption while the engine remembers the saved position', async () => {
    const { set, send, watch } = world()
    const job = set('job', '00:00:01', '00:00:02')
    send('start', job, '00:00:02')
    const watching = watch('00:05:00', cursorAfter('1795564802000000000', `docker/1795564802000000000/${job.id}/start`))
    await watching.caughtUp()
    expect(watching.events().filter(isGap)).toEqual([])
  })

  test('reports an interruption from a saved position that the engine has forgotten', async () => {
    const { set, send, watch } = world()
    const job = set('job', '00:00:01', '00:00:02')
    send('start', job, '00:04:00')
    const watching = watch('00:05:00', cursorAfter('1795564802000000000', `docker/1795564802000000000/${job.id}/start`))
    await watching.caughtUp()
    expect(watching.events().filter(isGap)).toMatchObject([
      {
        attributes: {
          'docker.events.since': '2026-11-25T00:00:02.000Z',
          'docker.events.until': '2026-11-25T00:05:00.000Z',
        },
      },
    ])
  })
})

describe.concurrent('engineEvents: run that begins during the catch-up', () => {
  test('does not report the previous run again', async () => {
    const { set, send, engine, watch, log } = world()
    const web = set('web', '00:00:01', '00:00:02')
    send('create', web, '00:00:01.1')
    send('start', web, '00:00:02.1')
    // The container restarts after all containers were inspected.
    const look = engine.container
    let looks = 0
    const looking: typeof look = async (id, signal) => {
      const found = await look(id, signal)
      looks += 1
      if (looks === 2) {
        send('die', web, '00:00:59.9', { exitCode: '0' })
        send('start', set('web', '00:00:01', '00:01:00', '00:00:59.8'), '00:01:00.1')
      }
      return found
    }
    Object.assign(engine, { container: looking })
    const watching = watch('00:02:00', JSON.stringify({ timeNano: '1795564800000000000', ids: [] }))
    await watching.caughtUp()
    expect(log.requests).toHaveLength(1)
    expect(summaryOf(watching.events())).toEqual([
      '00:00:01.100 created web',
      '00:00:02.100 started web',
      '00:00:59.900 exited web',
      '00:01:00.100 started web',
    ])
  })
})

describe.concurrent('engineEvents: position', () => {
  test.each([
    ['reads from now on without a cursor', undefined],
    ['reads from now on with a damaged cursor', '{"timeNano":'],
    ['reads from now on with a cursor of another format', '{"timeNano":"yesterday","ids":[]}'],
  ])('%s', async (_where, cursor) => {
    const { set, send, watch, log } = world()
    send('start', set('web', '00:00:01', '00:00:02'), '00:00:02.1')
    const watching = watch('01:00:00.123', cursor)
    await watching.caughtUp()
    expect(log.requests).toEqual(['1795568400.123000000'])
    expect(watching.events()).toEqual([])
  })

  test('reads from the cursor, and skips only handled events of the same nanosecond', async () => {
    const { set, send, watch } = world()
    const [web, job] = [set('web', '00:00:01'), set('job', '00:00:01')]
    send('stop', web, '00:00:02')
    send('stop', job, '00:00:02')
    const cursor = JSON.stringify({
      timeNano: '1795564802000000000',
      ids: [`docker/1795564802000000000/${web.id}/stop`],
    })
    const watching = watch('00:05:00', cursor)
    await watching.caughtUp()
    expect(summaryOf(watching.events())).toEqual(['00:00:02.000 stopped job'])
    expect(JSON.parse(watching.cursor() ?? '').ids).toHaveLength(1)
  })

  test('repeats neither of two events of one nanosecond after a break', async () => {
    const { set, send, watch, log } = world()
    const first = watch('00:00:00')
    await first.caughtUp()
    send('stop', set('web', '00:00:00'), '00:00:02')
    send('stop', set('job', '00:00:00'), '00:00:02')
    log.break(disconnected)
    await first.ended
    expect(first.events()).toHaveLength(2)
    const second = watch('00:00:00', first.cursor())
    await second.caughtUp()
    expect(second.events().filter((event) => !isGap(event))).toEqual([])
  })
})

describe.concurrent('engineEvents: order', () => {
  test('saves the cursor only after all earlier events are emitted', async () => {
    const { set, send, watch, engine } = world()
    const crash = Promise.withResolvers<string>()
    Object.assign(engine, { logs: () => crash.promise })
    let cursorAtRename: string | undefined
    const watching = watch('00:00:00', undefined, ({ events }) => {
      if (events?.some((event) => event?.name === 'container.renamed')) cursorAtRename = watching.cursor()
    })
    await watching.caughtUp()
    const saved = watching.cursor()
    const web = set('web', '00:00:01', '00:00:02', '00:00:03', 1)
    send('die', web, '00:00:03.1', { exitCode: '1' })
    send('rename', web, '00:00:04')
    await setImmediate()
    expect(watching.events()).toEqual([])
    expect(watching.cursor()).toBe(saved)
    crash.resolve('all is lost\n')
    await watching.caughtUp()
    expect(summaryOf(watching.events())).toEqual(['00:00:03.100 crashed web', '00:00:04.000 renamed web'])
    expect(cursorAtRename).toBe(saved)
    expect(watching.cursor()).not.toBe(saved)
  })

  test('reads the evidence of several crashes concurrently', async () => {
    const { set, send, watch, engine } = world()
    const logs = Promise.withResolvers<string>()
    const requests: string[] = []
    Object.assign(engine, {
      logs: (id: string) => {
        requests.push(id)
        return logs.promise
      },
    })
    const watching = watch('00:00:00')
    await watching.caughtUp()
    const crashed = ['web', 'job'].map((name) => set(name, '00:00:01', '00:00:02', '00:00:03', 1))
    for (const container of crashed) send('die', container, '00:00:03.1', { exitCode: '1' })
    await setImmediate()
    await setImmediate()
    expect(requests).toEqual(crashed.map(({ id }) => id))
    logs.resolve('all is lost\n')
    await watching.caughtUp()
    expect(summaryOf(watching.events())).toEqual(['00:00:03.100 crashed web', '00:00:03.100 crashed job'])
  })

  test('emits received events before rejecting', async () => {
    const { set, send, watch, log } = world()
    const watching = watch('00:00:00')
    await watching.caughtUp()
    send('die', set('web', '00:00:01', '00:00:02', '00:00:03', 1), '00:00:03.1', { exitCode: '1' })
    log.break(disconnected)
    expect(await watching.ended).toBe(disconnected)
    expect(summaryOf(watching.events())).toEqual(['00:00:03.100 crashed web'])
  })

  test('emits a flood of events in order, with few cursor writes', async () => {
    const { set, send, watch } = world()
    const watching = watch('00:00:00')
    await watching.caughtUp()
    const web = set('web', '00:00:01', '00:00:02')
    for (let number = 0; number < 2000; number += 1) send('pause', web, `00:10:00.${`${number}`.padStart(4, '0')}`)
    await watching.caughtUp()
    const times = watching.events().map(({ id }) => id)
    expect(times).toHaveLength(2000)
    // Fewer than one save per event.
    expect(watching.cursors.length).toBeLessThan(200)
    expect(times).toEqual(times.toSorted())
  })

  test('rejects and keeps the cursor when emitting fails', async () => {
    const refusal = new Error('the buffer is full')
    const { set, send, watch } = world()
    const watching = watch('00:00:00', undefined, ({ events }) => {
      if (events?.some((event) => event?.name === 'container.stopped')) throw refusal
    })
    await watching.caughtUp()
    const saved = watching.cursor()
    send('stop', set('web', '00:00:01'), '00:00:02')
    await setImmediate()
    send('start', set('web', '00:00:01', '00:00:03'), '00:00:03.1')
    expect(await watching.ended).toBe(refusal)
    expect(watching.cursor()).toBe(saved)
  })
})

describe.concurrent('engineEvents: inventory', () => {
  test('avoids lists only while the stream is followed', async () => {
    const { watch, log, engine, client } = world()
    const lists = async (): Promise<number> => {
      engine.requests.length = 0
      await client.inventory.containers(new AbortController().signal)
      await client.inventory.containers(new AbortController().signal)
      return engine.requests.filter((question) => question === 'containers').length
    }
    const watching = watch('00:00:00')
    await watching.caughtUp()
    await lists()
    expect(await lists()).toBe(0)
    log.break(disconnected)
    await watching.ended
    expect(await lists()).toBe(2)
  })
})

test.concurrent('engineEvents ends without an interruption when the agent stops', async () => {
  const { watch } = world()
  const watching = watch('00:00:00')
  await watching.caughtUp()
  expect(await watching.stop()).toBeUndefined()
  expect(watching.cursor()).not.toContain('brokenAt')
})

test.concurrent('engineEvents ends when the agent stops while the engine hangs', async () => {
  const { watch, engine } = world()
  Object.assign(engine, {
    containers: (signal: AbortSignal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  })
  const watching = watch('00:00:00')
  await setImmediate()
  await watching.stop()
  expect(watching.cursors).toEqual([])
})

test('the steps of a recreated container refer to its change, across a broken stream', async () => {
  const { client, engine, log, set, send, watch } = world()
  const first = watch('00:00:00')
  await first.caughtUp()
  const old = set('old', '00:00:01', '00:00:02')
  send('create', old, '00:00:01.1')
  send('start', old, '00:00:02.1')
  send('kill', old, '00:01:00.1', { signal: '9' })
  set('old', '00:00:01', '00:00:02', '00:01:00', 137)
  send('die', old, '00:01:00.2', { exitCode: '137' })
  send('destroy', old, '00:01:00.3')
  await first.caughtUp()
  engine.existing.delete(old.id)
  log.break(disconnected)
  await first.ended
  const second = watch('00:01:01', first.cursor())
  await second.caughtUp()
  const next = changed(set('new', '00:01:02', '00:01:03'), { name: old.name, environment: ['MODE=2'] })
  engine.existing.set(next.id, next)
  send('create', next, '00:01:02.1')
  send('start', next, '00:01:03.1')
  await second.caughtUp()
  const events = [...first.events(), ...second.events()]
  const change = events.find(({ name }) => name === 'container.changed')
  const ids = (...names: string[]): unknown =>
    events.filter(({ name, at }) => names.includes(name) && at > '2026-11-25T00:00:30').map(({ id }) => id)
  expect(change?.attributes['change.steps']).toEqual(
    ids('container.killed', 'container.exited', 'container.removed', 'container.created'),
  )
  expect(events.filter(({ attributes }) => attributes['step.change_id'] !== undefined)).toMatchObject([
    { name: 'container.started', attributes: { 'step.change_id': change?.id } },
  ])
  expect(client.history.isRemoved(old.id)).toBe(true)
})
