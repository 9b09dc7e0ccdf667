import type { Event } from '@rca/core/connector'
import { temporaryDirectory } from '@rca/rig/temporary-directory'
import { describe, expect, test, vi } from 'vitest'
import { type ContainerChange, changed, containerEvent, handleEvent, writtenLog } from '../../test/engine-events.ts'
import { type FakeClientParts, type FakeEngine, fakeClient, fakeEngine } from '../../test/fake-engine.ts'
import { canary, captured } from '../../test/fixtures.ts'
import type { DockerClient } from '../docker-client.ts'
import type { ContainerDetails, EngineApi } from '../engine/engine-api.ts'
import { createUsageReader } from '../usage/usage-reader.ts'
import { isStopSignal } from './signals.ts'

const of = captured()
const diedAt = '2026-11-25T00:00:05.25Z'

/** A container that has exited. */
const ended = changed(of.container('plain'), {
  id: 'a'.repeat(64),
  name: 'shop-web-1',
  image: 'shop/web:2',
  labels: { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' },
  environment: ['DB_PASSWORD=canary-password', 'MODE=production'],
  restartCount: 2,
  limits: { memory: 67_108_864, cpus: 0.5 },
  created: '2026-11-25T00:00:00Z',
  state: {
    status: 'exited',
    exitCode: 139,
    startedAt: '2026-11-25T00:00:01.5Z',
    finishedAt: '2026-11-25T00:00:05.2Z',
  },
})

interface Scene {
  readonly client: DockerClient
  readonly engine: FakeEngine
  /** Sends an event of the container, at a time of 25 November 2026. */
  send(action: string, time: string, more?: Readonly<Record<string, string>>): Promise<Event[]>
}

/** Returns an engine with the container in its current state, and its log. */
function scene(
  now: ContainerDetails | undefined = ended,
  parts: Partial<EngineApi> = {},
  clientParts: FakeClientParts = {},
): Scene {
  const engine = fakeEngine(of, { logs: async () => 'all is lost\n', ...parts })
  if (now !== undefined) engine.existing.set(now.id, now)
  const client = fakeClient(of, { engine, ...clientParts })
  return {
    client,
    engine,
    send: (action, time, more) => {
      // An OOM kill does not wait for the exit.
      const signal = action === 'oom' ? AbortSignal.abort() : undefined
      return handleEvent(containerEvent(action, now ?? ended, `2026-11-25T${time}Z`, more), client, signal)
    },
  }
}

/** Sends the exit of the container. Returns the reported events. */
async function end(scene: Scene, exitCode = 139, time = '00:00:05.25'): Promise<Event[]> {
  return scene.send('die', time, { exitCode: `${exitCode}` })
}

describe('describeExit: crash', () => {
  test('includes all evidence', async () => {
    const usage = {
      source: 'cgroup v2' as const,
      read: async () => new Map(),
      takeOomKill: () => false,
      lastMemory: (id: string) =>
        id === ended.id ? { usage: 60_000_000, at: new Date('2026-11-25T00:00:04Z') } : undefined,
    }
    const image = async (id: string) => ({
      id,
      tags: ['shop/web:2'],
      digests: ['shop/web@sha256:222'],
      created: undefined,
      size: undefined,
      architecture: undefined,
      os: undefined,
      labels: {},
    })
    expect(await end(scene(ended, { image }, { usage }))).toEqual([
      {
        id: `docker/1795564805250000000/${ended.id}/die`,
        name: 'container.crashed',
        at: '2026-11-25T00:00:05.250Z',
        severity: 'error',
        entity: { type: 'container', id: ended.id },
        body: 'Container shop-web-1 crashed with exit code 139 (SIGSEGV)',
        attributes: {
          'container.id': ended.id,
          'container.name': 'shop-web-1',
          'container.runtime': 'docker',
          'docker.compose.project': 'shop',
          'docker.compose.service': 'web',
          'container.image.name': 'shop/web:2',
          'container.image.id': ended.imageId,
          'container.image.tags': ['shop/web:2'],
          'container.image.repo_digests': ['shop/web@sha256:222'],
          'container.exit_code': 139,
          'container.exit_signal': 'SIGSEGV',
          'container.started_at': '2026-11-25T00:00:01.5Z',
          'container.finished_at': '2026-11-25T00:00:05.250Z',
          'container.restart_count': 2,
          'container.oom_killed': false,
          'container.limit.memory': 67_108_864,
          'container.limit.cpu': 0.5,
          'container.memory.usage': 60_000_000,
          'container.memory.usage_at': '2026-11-25T00:00:04.000Z',
          'container.log': 'all is lost\n',
        },
      },
    ])
  })

  test('includes the exit code of the event, not that of a newer run', async () => {
    const [event] = await end(scene(changed(ended, { state: { exitCode: 0 } })), 3)
    expect(event).toMatchObject({ name: 'container.crashed', attributes: { 'container.exit_code': 3 } })
    expect(event?.attributes).not.toHaveProperty(['container.exit_signal'])
  })

  test.each([
    ['the container records it', { state: { outOfMemory: true } }, false],
    ['an `oom` event precedes the exit', {}, true],
  ])('is an OOM kill despite exit code 0 when %s', async (_how, change, isReported) => {
    const made = scene(changed(ended, change))
    if (isReported) await made.send('oom', '00:00:05')
    const [event] = await end(made, 0)
    expect(event).toMatchObject({
      name: 'container.crashed',
      severity: 'critical',
      body: 'Container shop-web-1 ran out of memory and ended with exit code 0',
      attributes: { 'container.oom_killed': true },
    })
  })

  test('is an OOM kill when the engine reports it after the exit', async () => {
    const made = scene()
    const exit = end(made, 137)
    await made.send('oom', '00:00:05.3')
    expect(await exit).toMatchObject([
      { name: 'container.crashed', severity: 'critical', attributes: { 'container.oom_killed': true } },
    ])
  })

  test.each([
    ['before', 1],
    ['before', 137],
    ['after', 137],
  ])('reports an OOM kill once: the engine reports it %s the exit with code %i', async (order, exitCode) => {
    const { client } = scene()
    const kill = () => handleEvent(containerEvent('oom', ended, '2026-11-25T00:00:05.2Z'), client)
    const exit = () => handleEvent(containerEvent('die', ended, diedAt, { exitCode: `${exitCode}` }), client)
    const reported = order === 'before' ? [kill(), exit()] : [exit(), kill()]
    expect((await Promise.all(reported)).flat()).toMatchObject([{ name: 'container.crashed', severity: 'critical' }])
  })

  test('reports an OOM kill that the engine reports long after the exit', async () => {
    const { client } = scene()
    const died = containerEvent('die', ended, diedAt, { exitCode: '137' })
    expect(await handleEvent(died, client, AbortSignal.abort())).toMatchObject([{ severity: 'error' }])
    expect(await handleEvent(containerEvent('oom', ended, '2026-11-25T00:00:05.9Z'), client)).toMatchObject([
      { name: 'container.oom' },
    ])
  })

  test('reports an OOM kill of another process when the container is stopped by request', async () => {
    const made = scene()
    expect(await made.send('oom', '00:00:03')).toMatchObject([{ name: 'container.oom' }])
    await made.send('kill', '00:00:04', { signal: '15' })
    expect(await end(made, 137)).toMatchObject([{ name: 'container.exited' }])
  })

  test('is an OOM kill when the engine reports it after the next start, and the next run is not', async () => {
    const made = scene()
    const exit = end(made, 137)
    await made.send('start', '00:00:05.4')
    await made.send('oom', '00:00:05.5')
    expect(await exit).toMatchObject([{ name: 'container.crashed', severity: 'critical' }])
    expect(await end(made, 1, '00:00:09')).toMatchObject([{ name: 'container.crashed', severity: 'error' }])
  })

  test.each([
    ['an OOM kill at the memory limit', '2026-11-25T00:00:04Z', 66_000_000, 'critical'],
    ['a crash below the memory limit', '2026-11-25T00:00:04Z', 60_000_000, 'error'],
    ['a crash when the reading is from an earlier run', '2026-11-25T00:00:01Z', 66_000_000, 'error'],
  ])('is %s: SIGKILL without a report', async (_what, at, usage, severity) => {
    const lastMemory = () => ({ usage, at: new Date(at) })
    const made = scene(
      ended,
      {},
      {
        usage: { source: 'cgroup v2', read: async () => new Map(), takeOomKill: () => false, lastMemory },
      },
    )
    const died = containerEvent('die', ended, diedAt, { exitCode: '137' })
    const [event] = await handleEvent(died, made.client, AbortSignal.abort(new Error('waited')))
    expect(event).toMatchObject({ name: 'container.crashed', severity })
  })

  test('is an OOM kill when only the kernel counted it', async () => {
    const files = temporaryDirectory()
    files.write('sys/fs/cgroup/cgroup.controllers', 'cpu memory pids\n')
    const kills = (count: number): void =>
      files.write('sys/fs/cgroup/system.slice/memory.events', `low 0\nhigh 0\nmax 41\noom 2\noom_kill ${count}\n`)
    kills(7)
    const engine = fakeEngine(of)
    const usage = createUsageReader({ rootPath: files.path, info: of.info, engine })
    const made = scene(ended, {}, { usage })
    kills(8)
    expect(await end(made, 137)).toMatchObject([{ name: 'container.crashed', severity: 'critical' }])
    // Another container that is killed has no share in it.
    const other = changed(ended, { id: 'b'.repeat(64) })
    const died = containerEvent('die', other, diedAt, { exitCode: '137' })
    const [event] = await handleEvent(died, made.client, AbortSignal.abort(new Error('waited')))
    expect(event).toMatchObject({ name: 'container.crashed', severity: 'error' })
  })

  test('is not an OOM kill when only the next run had one', async () => {
    const next = { status: 'running', startedAt: '2026-11-25T00:00:05.35Z', outOfMemory: true }
    const [event] = await end(scene(changed(ended, { state: next })), 1)
    expect(event).toMatchObject({ severity: 'error', attributes: { 'container.oom_killed': false } })
  })

  test.each([
    ['with an OOM kill and SIGKILL after a request as a crash', 137, 'container.crashed'],
    ['with an OOM kill and SIGTERM after a request as an exit', 143, 'container.exited'],
  ])('classifies a run %s', async (_what, exitCode, name) => {
    const made = scene(changed(ended, { state: { outOfMemory: true } }))
    await made.send('kill', '00:00:04', { signal: '15' })
    expect(await end(made, exitCode)).toMatchObject([{ name }])
  })

  test.each<[string, string, string | undefined, number, string, string | undefined]>([
    ['a stop after it', '00:00:01', '00:00:02', 137, 'container.exited', undefined],
    ['an exit long after it', '00:00:01', undefined, 1, 'container.crashed', 'error'],
    ['an exit just after it', '00:00:16', undefined, 1, 'container.crashed', 'critical'],
    ['SIGKILL that a busy engine reports late', '00:00:01', undefined, 137, 'container.crashed', 'critical'],
    ['an OOM kill after the request', '00:00:16', '00:00:10', 137, 'container.crashed', 'critical'],
  ])('distinguishes an OOM kill of another process from %s', async (_what, oomAt, stopAt, exitCode, name, severity) => {
    const made = scene(changed(ended, { state: { outOfMemory: true, exitCode } }))
    const sent = [['oom', oomAt, {}] as const, ...(stopAt ? [['kill', stopAt, { signal: '15' }] as const] : [])]
    for (const [action, at, more] of sent.toSorted((one, other) => one[1].localeCompare(other[1])))
      await made.send(action, at, more)
    const [event] = await end(made, exitCode, '00:00:17')
    expect(event).toMatchObject({ name, severity: severity ?? 'info' })
    expect(event?.attributes['container.oom_killed'] ?? false).toBe(severity === 'critical')
  })

  test('counts an exit long after a survived signal as a crash', async () => {
    const made = scene()
    await made.send('kill', '00:00:04', { signal: '15' })
    expect(await end(made, 1, '00:05:00')).toMatchObject([{ name: 'container.crashed' }])
  })

  test('leaves out the exit code of a missed exit of a running container', async () => {
    const now = changed(ended, { state: { status: 'running', exitCode: 0, startedAt: '2026-11-25T00:00:06Z' } })
    const missed = { ...containerEvent('die', now, '2026-11-25T00:00:05.25Z'), isInferred: true as const }
    const [event] = await handleEvent(missed, scene(now).client)
    expect(event).toMatchObject({
      name: 'container.exited',
      body: 'Container shop-web-1 ended with an unknown exit code while the engine or the agent was stopped',
    })
    expect(event?.attributes).not.toHaveProperty(['container.exit_code'])
  })

  test("includes the engine's error without secrets", async () => {
    const error = 'cannot mount with password=canary-a and canary-password'
    const [event] = await end(scene(changed(ended, { state: { error } })))
    expect(event?.attributes['container.error']).toBe('cannot mount with password=[redacted] and [redacted]')
  })

  test('removes secrets of the environment', async () => {
    const logs = async () => '\u001b[31mcannot log in with canary-password\u001b[0m as Bearer canary-token\n'
    const [event] = await end(scene(ended, { logs }))
    expect(event?.attributes['container.log']).toBe('cannot log in with [redacted] as Bearer [redacted]\n')
    expect(JSON.stringify(event)).not.toContain(canary)
  })
})

describe('describeExit: log', () => {
  const log = {
    '2026-11-25T00:00:00.9Z': 'an earlier run',
    '2026-11-25T00:00:01.501Z': 'starting',
    '2026-11-25T00:00:05.2Z': 'all is lost',
    '2026-11-25T00:00:05.4Z': 'the next run',
    '2026-11-25T00:10:00Z': 'a later run',
  }
  const logs = writtenLog(log)
  const logOf = async (made: Scene): Promise<unknown> => (await end(made))[0]?.attributes['container.log']

  test('is limited to the run', async () => {
    const { '2026-11-25T00:00:05.4Z': _next, ...written } = log
    const made = scene(ended, { logs: writtenLog(written) })
    await made.send('die', '00:00:01', { exitCode: '1' })
    expect(await logOf(made)).toBe('starting\nall is lost\n')
  })

  test('is limited by the previous exit that the container records', async () => {
    const running = { status: 'running', exitCode: 0, finishedAt: '2026-11-25T00:00:01Z' }
    const made = scene(changed(ended, { state: running }), { logs })
    await made.send('start', '00:00:01.51')
    made.engine.existing.set(ended.id, changed(ended, { state: { status: 'restarting' } }))
    expect(await logOf(made)).toBe('starting\nall is lost\n')
  })

  test('ends at the exit when the container was restarted at once', async () => {
    const made = scene(changed(ended, { state: { status: 'running', startedAt: '2026-11-25T00:00:05.35Z' } }), { logs })
    await made.send('die', '00:00:01', { exitCode: '1' })
    await made.send('start', '00:00:01.51')
    const [event] = await end(made)
    expect(event?.attributes).toMatchObject({
      // The first line was written before the engine sent the start event.
      'container.log': 'starting\nall is lost\n',
      'container.started_at': '2026-11-25T00:00:01.510Z',
    })
  })

  test('ends at the exit when the container is restarted while its log is read', async () => {
    const made = scene(ended, {
      logs: async (...request) => {
        const next = { status: 'running', startedAt: '2026-11-25T00:00:05.35Z' }
        made.engine.existing.set(ended.id, changed(ended, { state: next }))
        return logs(...request)
      },
    })
    await made.send('die', '00:00:01', { exitCode: '1' })
    await made.send('start', '00:00:01.51')
    made.engine.existing.set(ended.id, ended)
    expect(await logOf(made)).toBe('starting\nall is lost\n')
  })

  test('ends at the exit although the next run has ended as well', async () => {
    const next = { status: 'exited', startedAt: '2026-11-25T00:00:05.35Z', finishedAt: '2026-11-25T00:00:05.5Z' }
    const made = scene(changed(ended, { state: next }), { logs })
    await made.send('die', '00:00:01', { exitCode: '1' })
    await made.send('start', '00:00:01.51')
    expect(await logOf(made)).toBe('starting\nall is lost\n')
  })

  test('begins with the run without an earlier event', async () => {
    const made = scene(changed(ended, { state: { status: 'running', startedAt: '2026-11-25T00:00:05.35Z' } }), {
      logs: writtenLog({ ...log, '2026-11-24T23:00:00Z': 'long ago' }),
    })
    await made.send('start', '00:00:01.51')
    expect(await logOf(made)).toContain('starting\nall is lost\n')
    expect(await logOf(made)).not.toContain('long ago')
    expect(await logOf(made)).not.toContain('the next run')
  })

  test('is limited to the run although many runs followed', async () => {
    const { '2026-11-25T00:00:05.4Z': _next, ...written } = log
    const newest = changed(ended, { state: { status: 'running', startedAt: '2026-11-25T08:00:00Z' } })
    const made = scene(newest, { logs: writtenLog(written) })
    await made.send('die', '00:00:01', { exitCode: '1' })
    await made.send('start', '00:00:01.51')
    expect(await logOf(made)).toBe('starting\nall is lost\n')
  })

  test('is limited to `crash_log_lines`', async () => {
    const { '2026-11-25T00:00:05.4Z': _next, ...written } = log
    const parts = { logs: writtenLog(written) }
    expect(await logOf(scene(ended, parts, { config: { crash_log_lines: 1 } }))).toBe('all is lost\n')
  })

  test.each<[string, Partial<EngineApi>, FakeClientParts, string]>([
    ['`crash_log_lines` is 0', {}, { config: { crash_log_lines: 0 } }, '`crash_log_lines` is 0'],
    [
      'the log driver does not support reading',
      { logs: async () => undefined },
      {},
      'its log driver `json-file` does not support reading',
    ],
    [
      'the engine fails',
      { logs: async () => Promise.reject(new Error('no log at https://user:canary-a@host/')) },
      {},
      'no log at https://user:[redacted]@host/',
    ],
    [
      'the engine fails without a message',
      { logs: async () => Promise.reject(undefined) },
      {},
      'the engine did not answer',
    ],
  ])('is missing with the reason when %s', async (_why, parts, clientParts, reason) => {
    const [event] = await end(scene(ended, parts, clientParts))
    expect(event).toMatchObject({ name: 'container.crashed', attributes: { 'container.log_missing': reason } })
    expect(event?.attributes).not.toHaveProperty(['container.log'])
  })
})

describe('describeExit: removed container', () => {
  test('uses the last inspection', async () => {
    const made = scene()
    await made.send('start', '00:00:01.51')
    made.engine.existing.delete(ended.id)
    const [event] = await end(made)
    expect(event).toMatchObject({
      name: 'container.crashed',
      body: 'Container shop-web-1 crashed with exit code 139 (SIGSEGV)',
      attributes: {
        'docker.compose.service': 'web',
        'container.image.id': ended.imageId,
        'container.exit_code': 139,
        'container.started_at': '2026-11-25T00:00:01.5Z',
        'container.limit.memory': 67_108_864,
        'container.log_missing': 'the container was removed before its log could be read',
      },
    })
  })

  test('uses the attributes of the event for a container that was never inspected', async () => {
    const made = scene()
    made.engine.existing.delete(ended.id)
    const [event] = await end(made)
    expect(event).toMatchObject({
      name: 'container.crashed',
      attributes: {
        'container.name': 'shop-web-1',
        'container.image.name': 'shop/web:2',
        'container.exit_code': 139,
        'container.finished_at': '2026-11-25T00:00:05.250Z',
      },
    })
    expect(event?.attributes).not.toHaveProperty(['container.limit.memory'])
  })
})

test('describeExit returns an event without evidence when the engine hangs', async () => {
  const untilAborted = (signal: AbortSignal): Promise<never> =>
    new Promise((_resolve, reject) => {
      if (signal.aborted) reject(signal.reason)
      signal.addEventListener('abort', () => reject(signal.reason))
    })
  const made = scene(ended, {
    logs: (_id, _request, signal) => untilAborted(signal),
    image: (_id, signal) => untilAborted(signal),
  })
  const impatience = AbortSignal.abort(new DOMException('it took too long', 'TimeoutError'))
  const died = containerEvent('die', ended, '2026-11-25T00:00:05.25Z', { exitCode: '139' })
  expect(await handleEvent(died, made.client, impatience)).toMatchObject([
    {
      name: 'container.crashed',
      attributes: { 'container.exit_code': 139, 'container.log_missing': 'it took too long' },
    },
  ])
})

describe('describeExit: exit', () => {
  test('returns container.exited for exit code 0', async () => {
    expect(await end(scene(), 0)).toMatchObject([
      {
        name: 'container.exited',
        severity: 'info',
        body: 'Container shop-web-1 ended with exit code 0',
        attributes: {
          'container.exit_code': 0,
          'container.image.name': 'shop/web:2',
          'container.started_at': '2026-11-25T00:00:01.5Z',
          'container.finished_at': '2026-11-25T00:00:05.250Z',
        },
      },
    ])
  })

  test.each([
    [137, 'container.exited', 'ended with exit code 137 while the engine or the agent was stopped'],
    [143, 'container.exited', 'ended with exit code 143 while the engine or the agent was stopped'],
    [3, 'container.crashed', 'crashed with exit code 3'],
  ])('distinguishes a stop from a crash when the events are missing: exit code %i', async (exitCode, name, what) => {
    const container = changed(ended, { state: { exitCode } })
    const lastMemory = () => ({ usage: 67_000_000, at: new Date('2026-11-25T00:00:04Z') })
    const usage = { source: 'cgroup v2' as const, read: async () => new Map(), takeOomKill: () => true, lastMemory }
    const made = scene(container, {}, { usage })
    const died = { ...containerEvent('die', ended, diedAt, { exitCode: `${exitCode}` }), isInferred: true as const }
    expect(await handleEvent(died, made.client)).toMatchObject([{ name, body: `Container shop-web-1 ${what}` }])
  })

  test.each(['2', '9', '15', 'SIGKILL'])('returns container.exited after signal %s', async (signal) => {
    const made = scene()
    await made.send('kill', '00:00:04', { signal })
    const [event] = await end(made, 137)
    expect(event).toMatchObject({
      name: 'container.exited',
      body: 'Container shop-web-1 ended with exit code 137 by request',
      attributes: { 'container.exit_signal': 'SIGKILL' },
    })
    expect(event?.attributes).not.toHaveProperty(['container.log'])
  })

  test.each(['1', '10', '12', '28'])(
    'returns container.crashed after signal %s, which does not stop a program',
    async (signal) => {
      const made = scene()
      await made.send('kill', '00:00:04', { signal })
      expect(await end(made)).toMatchObject([{ name: 'container.crashed' }])
    },
  )

  test('remembers the stop signal after a later harmless signal', async () => {
    const made = scene()
    await made.send('kill', '00:00:04', { signal: '15' })
    await made.send('kill', '00:00:05', { signal: '28' })
    expect(await end(made, 143)).toMatchObject([{ name: 'container.exited' }])
  })

  test('forgets signals and OOM kills of the previous run', async () => {
    const made = scene()
    await made.send('kill', '00:00:02', { signal: '15' })
    await made.send('oom', '00:00:02')
    await made.send('start', '00:00:03')
    expect(await end(made, 1)).toMatchObject([
      { name: 'container.crashed', severity: 'error', attributes: { 'container.oom_killed': false } },
    ])
  })
})

describe('describeExit: restart loop', () => {
  const crashes = async (made: Scene, ...times: string[]): Promise<string[]> => {
    const reported: string[] = []
    for (const time of times) {
      const [event] = await end(made, 1, time)
      reported.push(event === undefined ? 'nothing' : event.name)
    }
    return reported
  }
  const seconds = (...numbers: number[]): string[] => numbers.map((number) => `01:00:${`${number}`.padStart(2, '0')}`)

  test('is reported in full four times, then as a count at the 10th and 30th crash', async () => {
    const made = scene()
    expect(await crashes(made, ...seconds(1, 2, 3, 4))).toEqual(Array(4).fill('container.crashed'))
    made.engine.requests.length = 0
    expect(await crashes(made, ...seconds(5, 6, 7, 8, 9))).toEqual(Array(5).fill('nothing'))
    expect(await end(made, 1, '01:00:10')).toMatchObject([
      {
        id: `docker/1795568410000000000/${ended.id}/die`,
        name: 'container.restart_loop',
        severity: 'error',
        body: 'Container shop-web-1 crashes repeatedly: 10 times since 2026-11-25T01:00:01.000Z',
        attributes: {
          'container.restart_loop.count': 10,
          'container.restart_loop.since': '2026-11-25T01:00:01.000Z',
          'container.exit_code': 1,
          'container.restart_count': 2,
        },
      },
    ])
    expect(made.engine.requests).not.toContain(`logs ${ended.id}`)
    const next = await crashes(made, ...seconds(...Array.from({ length: 20 }, (_, index) => index + 11)))
    expect(next).toEqual([...Array(19).fill('nothing'), 'container.restart_loop'])
  })

  test('is not reported as started while its crashes are counted', async () => {
    const made = scene()
    const started = async (time: string): Promise<number> => (await made.send('start', time)).length
    await crashes(made, ...seconds(1, 2, 3, 4))
    expect(await started('01:00:04.5')).toBe(1)
    await crashes(made, ...seconds(5))
    expect(await started('01:00:05.5')).toBe(0)
    expect(await started('01:10:05.5')).toBe(1)
  })

  test('is reported in full again after ten quiet minutes', async () => {
    const made = scene()
    await crashes(made, ...seconds(1, 2, 3, 4, 5))
    expect(await crashes(made, '01:10:06', '01:10:07')).toEqual(['container.crashed', 'container.crashed'])
  })

  test('does not count requested exits', async () => {
    const made = scene()
    await crashes(made, ...seconds(1, 2, 3))
    await made.send('kill', '01:00:04', { signal: '15' })
    await end(made, 143, '01:00:04.5')
    await made.send('start', '01:00:05')
    await end(made, 0, '01:00:06')
    expect(await crashes(made, ...seconds(7))).toEqual(['container.crashed'])
  })

  test('counts each container separately', async () => {
    const made = scene()
    await crashes(made, ...seconds(1, 2, 3, 4, 5))
    const other: ContainerChange = { id: 'b'.repeat(64), name: 'other' }
    made.engine.existing.set('b'.repeat(64), changed(ended, other))
    const event = containerEvent('die', changed(ended, other), diedAt, { exitCode: '1' })
    expect(await handleEvent(event, made.client)).toMatchObject([{ name: 'container.crashed' }])
  })
})

describe('isStopSignal', () => {
  test.each([
    ['15', undefined, true],
    ['9', 'SIGQUIT', true],
    ['2', undefined, true],
    ['1', undefined, false],
    ['3', undefined, false],
    ['3', 'SIGQUIT', true],
    ['3', 'quit', true],
    ['3', '3', true],
    ['28', 'SIGWINCH', true],
    ['28', 'SIGNONSENSE', false],
    [undefined, undefined, true],
  ])('signal %s with stop signal %s: %s', (signal, stopSignal, asks) => {
    expect(isStopSignal(signal, stopSignal)).toBe(asks)
  })
})

describe('describeExit: labels named like attributes of events', () => {
  /** The engine writes labels over the attributes of its events. */
  const labelled = (labels: Readonly<Record<string, string>>, exitCode: number): Scene =>
    scene(changed(ended, { labels, state: { exitCode } }))

  test.each([
    [{ exitCode: '0' }, 3, 'Container shop-web-1 crashed with exit code 3'],
    [{ exitCode: '9' }, 0, 'Container shop-web-1 ended with exit code 0'],
    [{ exitCode: 'none' }, 139, 'Container shop-web-1 crashed with exit code 139 (SIGSEGV)'],
  ])('reads the exit code from the inspection with the labels %j', async (labels, exitCode, body) => {
    const [event] = await labelled(labels, exitCode).send('die', '00:00:05.25', labels)
    expect(event).toMatchObject({ body, attributes: { 'container.exit_code': exitCode } })
  })

  test('learns the labels of a new container from its first event', async () => {
    const made = scene(changed(ended, { labels: { exitCode: '0' }, state: { exitCode: 3 } }))
    await made.send('start', '00:00:04', { exitCode: '0' })
    made.engine.existing.clear()
    const [event] = await made.send('die', '00:00:05.25', { exitCode: '0' })
    expect(event?.attributes).not.toHaveProperty(['container.exit_code'])
    expect(event?.body).toBe('Container shop-web-1 ended with an unknown exit code')
  })

  test('does not take a crash for a request because of the label `signal`', async () => {
    const made = labelled({ signal: '9' }, 1)
    await made.client.inventory.containers(new AbortController().signal)
    const [killed] = await made.send('kill', '00:00:04', { signal: '9' })
    expect(killed?.body).toBe('Container shop-web-1 was sent a signal')
    expect(killed?.attributes).not.toHaveProperty(['container.signal'])
    expect(await made.send('die', '00:00:05', { exitCode: '1', signal: '9' })).toMatchObject([
      { name: 'container.crashed' },
    ])
  })

  test.each([143, 0, 130])('takes exit code %i after an unknown signal for a request', async (exitCode) => {
    const made = labelled({ signal: '1' }, exitCode)
    await made.client.inventory.containers(new AbortController().signal)
    await made.send('kill', '00:00:04', { signal: '1' })
    expect(await made.send('die', '00:00:05', { exitCode: `${exitCode}`, signal: '1' })).toMatchObject([
      { name: 'container.exited', body: expect.stringContaining('by request') },
    ])
  })
})

describe('describeExit: container that the engine removes when it exits', () => {
  const frame = (text: string): Buffer => {
    const header = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0])
    header.writeUInt32BE(Buffer.byteLength(text), 4)
    return Buffer.concat([header, Buffer.from(text)])
  }
  const removing = changed(ended, { autoRemove: true, state: { status: 'running' } })

  /** Starts the container, lets it write, then removes it before its exit is handled. */
  async function run(followLog: EngineApi['followLog']): Promise<Event | undefined> {
    const made = scene(removing, { followLog })
    await made.client.inventory.containers(new AbortController().signal)
    await made.send('start', '00:00:01')
    await vi.waitFor(() => expect(made.engine.requests).toContain(`follow log ${removing.id}`), 20_000)
    made.engine.existing.clear()
    const [event] = await end(made, 3)
    return event
  }

  test('has the log that was followed while it ran, without secrets', async () => {
    const event = await run(async (_id, lines, take) => {
      expect(lines).toBe(201)
      const bytes = Buffer.concat([frame('starting\n'), frame('refused: canary-password\n')])
      for (const byte of bytes) take(Buffer.from([byte]))
    })
    expect(event).toMatchObject({
      name: 'container.crashed',
      attributes: { 'container.exit_code': 3, 'container.log': 'starting\nrefused: [redacted]\n' },
    })
  })

  test('says why the log is missing when it cannot be followed', async () => {
    const event = await run(() => Promise.reject(new Error('no log')))
    expect(event?.attributes['container.log_missing']).toMatch(/was started with `--rm`/)
  })

  test('is not asked for its log while it may be being removed', async () => {
    const made = scene(changed(ended, { autoRemove: true }))
    const [event] = await end(made, 3)
    expect(event?.attributes['container.log_missing']).toMatch(/was started with `--rm`/)
    expect(made.engine.requests.filter((request) => request.includes('log'))).toEqual([])
  })
})
