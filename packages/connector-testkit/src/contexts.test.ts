import type { Collector, StreamingCollector, Watcher } from '@rca/core/connector'
import { entity, event, metric } from '@rca/core/connector'
import { describe, expect, test } from 'vitest'
import {
  collectContext,
  connectContext,
  manualClock,
  pointsOf,
  runCollector,
  runWatcher,
  watchContext,
} from './index.ts'

const signals = {
  host: entity({ type: 'host', description: 'A host.' }),
  cpu: metric({
    name: 'system.cpu.time',
    unit: 's',
    kind: 'counter',
    description: 'CPU time.',
    attributes: { 'cpu.mode': 'The mode.' },
  }),
  rebooted: event({ name: 'host.rebooted', severity: 'warning', description: 'A host was rebooted.' }),
}
const web = signals.host.reference('web-1')
const db = signals.host.reference('db-1')

describe('collectContext', () => {
  test('returns the state of the previous run', () => {
    const { swapState } = collectContext()
    expect([swapState(1), swapState(2)]).toEqual([undefined, 1])
  })

  test('takes the signal, the time and the snapshot flag of the test', () => {
    const clock = manualClock('2026-01-01T00:00:00.000Z')
    const context = collectContext({ signal: AbortSignal.abort(), now: clock.now, fullSnapshot: true })
    clock.advance('1m')
    expect(context.signal.aborted).toBe(true)
    expect(context.now()).toEqual(new Date('2026-01-01T00:01:00.000Z'))
    expect(context.fullSnapshot).toBe(true)
  })
})

describe('runCollector', () => {
  const collector: StreamingCollector<string> = {
    async *collect(host) {
      yield { metrics: [signals.cpu.point(1, web, { 'cpu.mode': 'user' })] }
      yield { metrics: [signals.cpu.point(2, db, { 'cpu.mode': host }), undefined] }
    },
  }

  test('merges the signals that a generator yields', async () => {
    const collected = await runCollector(collector, 'idle')
    expect(pointsOf(collected)).toEqual({ 'system.cpu.time{mode=user}': 1, 'system.cpu.time{mode=idle}': 2 })
    expect(pointsOf(collected, 'db-1')).toEqual({ 'system.cpu.time{mode=idle}': 2 })
  })

  test('returns the result of a collector that is not a generator', async () => {
    const plain: Collector<string> = {
      collect: async (host) => ({ metrics: [signals.cpu.point(2, db, { 'cpu.mode': host })] }),
    }
    expect(pointsOf(await runCollector(plain, 'idle'), 'db-1')).toEqual({ 'system.cpu.time{mode=idle}': 2 })
  })
})

describe('watchContext', () => {
  const watcher: Watcher<string> = {
    async watch(_client, context) {
      for (;;) {
        context.emit({ events: [signals.rebooted.event({ at: context.now(), entity: web, body: 'web-1 rebooted' })] })
        await context.saveCursor(context.now().toISOString())
        await context.sleep('10s')
      }
    },
  }

  test('runs one step per sleep, records what the watcher does, and aborts after the last step', async () => {
    const steps: string[] = []
    const context = watchContext({ steps: [(clock) => steps.push(clock.now().toISOString())], cursor: 'saved before' })
    await runWatcher(watcher, 'client', context)
    expect(steps).toEqual(['2026-11-22T09:00:10.000Z'])
    expect(context.cursor).toBe('saved before')
    expect(context.events().map(({ at }) => at)).toEqual(['2026-11-22T09:00:00.000Z', '2026-11-22T09:00:10.000Z'])
    expect(context.cursors).toEqual(['2026-11-22T09:00:00.000Z', '2026-11-22T09:00:10.000Z'])
    expect(context.sleeps).toEqual(['10s', '10s'])
  })

  test('aborts with the signal of the test and on request', async () => {
    const controller = new AbortController()
    const context = watchContext({ signal: controller.signal })
    controller.abort()
    await expect(context.sleep('1s')).rejects.toThrow('abort')
    const other = watchContext({ steps: [() => other.abort()] })
    await runWatcher(watcher, 'client', other)
    expect(other.sleeps).toEqual(['10s'])
  })

  test('passes on what `onEmit` throws, and records nothing then', async () => {
    const context = watchContext({
      onEmit: () => {
        throw new Error('the buffer is full')
      },
    })
    await expect(runWatcher(watcher, 'client', context)).rejects.toThrow('the buffer is full')
    expect(context.emitted).toEqual([])
  })
})

test('connectContext records the log and hashes with a fixed key', () => {
  const { config, log, keyedHash } = connectContext({ docker_host: 'unix:///run/docker.sock' })
  log.warn({ host: 'web-1' }, 'cannot read the cgroup of a container')
  log.info({}, 'connected')
  expect(config.docker_host).toBe('unix:///run/docker.sock')
  expect(log.lines[0]).toEqual({
    level: 'warn',
    fields: { host: 'web-1' },
    message: 'cannot read the cgroup of a container',
  })
  expect(log.messages('info')).toEqual(['connected'])
  expect(keyedHash('password')).toMatch(/^[0-9a-f]{32}$/)
  expect(keyedHash('password')).toBe(keyedHash('password'))
  expect(keyedHash('password')).not.toBe(keyedHash('passwords'))
})

test('manualClock can be set back', () => {
  const clock = manualClock()
  clock.set('2026-11-22T08:00:00.000Z')
  expect(clock.now()).toEqual(new Date('2026-11-22T08:00:00.000Z'))
})
