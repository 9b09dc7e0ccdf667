import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectContext, eventsOf, watchContext } from '@rca/connector-testkit'
import type { Event, Signals, Watcher } from '@rca/core/connector'
import { run, START_TIMEOUT_MS } from '@rca/rig'
import { realDescribe } from '@rca/rig/real'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { ServerClient } from '../src/client/server-client.ts'
import { server } from '../src/connector.ts'
import { failedUnits } from '../src/events/failed-units.ts'
import { outOfMemory } from '../src/events/out-of-memory.ts'

/** Control group of system services. It counts the kills below it also after the group of a service is removed. */
const SERVICES = '/sys/fs/cgroup/system.slice'

const isLimited = existsSync('/run/systemd/system') && existsSync(`${SERVICES}/memory.events`)

/** A watcher sleeps for this long, however long it asks for. */
const SLEEP_MS = 200

const isReady = isLimited && process.getuid?.() === 0
const absence = isReady ? {} : { missing: 'memory limits of systemd, as root', isUnattainable: true }

realDescribe('OOM kills on a machine with systemd and control groups of version 2', absence, () => {
  const ended = new AbortController()
  const emitted: Signals[] = []
  const cursors: string[] = []
  let client: ServerClient
  let watchers: Promise<unknown>

  const start = (watcher: Watcher<ServerClient>): Promise<void> =>
    watcher.watch(client, {
      ...watchContext(),
      signal: ended.signal,
      now: () => new Date(),
      emit: (signals) => void emitted.push(signals),
      saveCursor: async (cursor) => void cursors.push(cursor),
      sleep: () => sleep(SLEEP_MS, undefined, { signal: ended.signal }),
    })

  beforeAll(async () => {
    const parsed = await server.config['~standard'].validate({})
    if (parsed.issues !== undefined) throw new Error('the default options are invalid')
    client = await server.connect(connectContext(parsed.value))
    watchers = Promise.allSettled([start(outOfMemory), start(failedUnits)])
    await vi.waitUntil(() => cursors.length >= 2, { timeout: START_TIMEOUT_MS })
  }, START_TIMEOUT_MS)
  afterAll(async () => {
    ended.abort()
    await watchers
    if (client !== undefined) await server.disconnect?.(client)
  }, START_TIMEOUT_MS)

  const kills = (): number => Number(/^oom_kill (\d+)$/m.exec(readFileSync(`${SERVICES}/memory.events`, 'utf8'))?.[1])
  const eventOf = (name: string, id?: string): Event | undefined =>
    eventsOf(emitted).find((event) => event.name === name && (id === undefined || event.entity.id === id))

  test(
    'are reported once, with the victim, and as the end of its unit',
    async () => {
      const before = kills()
      const limits = ['MemoryMax=24M', 'MemorySwapMax=0'].map((limit) => `--property=${limit}`)
      await run('systemd-run', ['--unit=eater', ...limits, 'tail', '/dev/zero'])
      await vi.waitUntil(() => eventOf('host.oom_kill') && eventOf('systemd.unit.failed', 'eater.service'), {
        timeout: START_TIMEOUT_MS,
      })
      expect(kills() - before).toBe(1)
      const victim = eventOf('host.oom_kill')
      expect(victim?.body).toMatch(/^The kernel killed tail \(pid \d+\) because memory ran out in its control group$/)
      expect(victim?.attributes).toMatchObject({
        'server.oom_kill.count': 1,
        'server.oom_kill.scope': 'cgroup',
        'process.executable.name': 'tail',
      })
      const resident = Number(victim?.attributes['server.oom_kill.resident'])
      expect(resident).toBeGreaterThan(8e6)
      // Pages of shared files count for other groups.
      expect(resident).toBeLessThan(2 * 24 * 2 ** 20)
      expect(eventOf('systemd.unit.failed', 'eater.service')).toMatchObject({
        body: 'eater.service has failed: its main process was killed by signal 9 (oom-kill)',
        attributes: { 'systemd.unit.result': 'oom-kill' },
      })
      expect(eventsOf(emitted).filter(({ name }) => name === 'host.oom_kill')).toHaveLength(1)
    },
    2 * START_TIMEOUT_MS,
  )
})
