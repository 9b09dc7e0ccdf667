import { mkdtempSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  BUSYBOX_IMAGE,
  docker,
  importBusybox,
  missingForPrivateEngine,
  type PrivateEngine,
  removePrivateEngine,
  startPrivateEngine,
} from '@rca/rig'
import { realDescribe } from '@rca/rig/real'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually, type LiveAgent, startLiveAgent } from './live-agent.ts'

/** Compared fields of `docker inspect`. */
interface Inspected {
  readonly Id: string
  readonly Name: string
  readonly Created: string
  readonly State: { readonly StartedAt: string; readonly FinishedAt: string; readonly Running: boolean }
}

const isPodman = process.env.RCA_RIG_ENGINE?.startsWith('podman') === true

realDescribe('docker connector: killed and restarted engine', await missingForPrivateEngine(), () => {
  const folder = mkdtempSync('/tmp/rca-kill-')
  let engine: PrivateEngine
  let live: LiveAgent

  const start = (): Promise<PrivateEngine> => startPrivateEngine({ folder })
  const on = (...words: string[]): Promise<string> => docker(engine.dockerHost, words, 20_000)

  beforeAll(async () => {
    engine = await start()
    await importBusybox(engine.dockerHost)
    live = await startLiveAgent({ docker_host: engine.dockerHost, collect_interval: '1s' })
  }, 120_000)
  afterAll(async () => {
    await live?.stop()
    await removePrivateEngine(engine, folder)
  }, 120_000)

  test('reports every event once that the engine still knows, and the interruption', async () => {
    let isOver = false
    let number = 0
    const churn = async (): Promise<void> => {
      while (!isOver) {
        number += 1
        const words = ['run', '-d', '--name', `churn-${number}`, '--network', 'none', BUSYBOX_IMAGE]
        // Some exit, some run until the engine is killed, some crash.
        const script = ['exit 0', 'sleep 600', 'exit 4'][number % 3] ?? ''
        await on(...words, 'sh', '-c', script).catch(() => sleep(200))
      }
    }
    const churns = Promise.all([churn(), churn()])
    await eventually('some churn', () => number >= 12, 120_000)
    engine.signal('SIGKILL')
    await engine.ended()
    await sleep(1_500)
    engine = await start()
    const before = number
    await eventually('some churn after the restart', () => number >= before + 10, 120_000)
    isOver = true
    await churns

    const findMissed = () => live.events().find(({ name }) => name === 'docker.engine.events_missed')
    // Podman keeps events in a file: if it still has all of them, none is missing.
    const missed = isPodman ? findMissed() : await eventually('the gap being recorded', findMissed)
    if (missed !== undefined) {
      const { 'docker.events.since': since, 'docker.events.until': until } = missed.attributes
      expect(Date.parse(String(since))).toBeLessThan(Date.parse(String(until)))
    }

    const ids = (await on('ps', '--all', '--quiet', '--no-trunc')).split('\n')
    const containers = JSON.parse(await on('inspect', ...ids)) as Inspected[]
    expect(containers.length).toBeGreaterThan(20)
    const wanted = containers.flatMap(milestones)
    const reported = (): string[] => live.events().flatMap(toMilestone)
    await eventually('every event', () => wanted.every((milestone) => reported().includes(milestone)))
    await sleep(2_000)
    const known = new Set(ids)
    // Podman announces a start before it records it: the recorded state may lack one that it was killed during.
    const unrecorded = new Set(
      isPodman ? containers.filter(({ State }) => !isMoment(State.StartedAt)).map(({ Id }) => `${Id} started`) : [],
    )
    expect(
      reported()
        .filter((milestone) => known.has(milestone.split(' ')[0] ?? '') && !unrecorded.has(milestone))
        .toSorted(),
    ).toEqual(wanted.toSorted())
    const eventIds = live.events().map(({ id }) => id)
    expect(new Set(eventIds).size).toBe(eventIds.length)
  }, 400_000)

  test('reports a gap while the engine hangs, and recovers', async () => {
    // Without visible control groups, usage is requested from the engine.
    const config = { docker_host: engine.dockerHost, collect_interval: '1s', root_path: '/nowhere' }
    const asking = await startLiveAgent(config)
    const usage = () => asking.agent.status().collectors.usage
    try {
      await eventually('the first reading', () => usage()?.ok)
      engine.signal('SIGSTOP')
      const error = await eventually('the collector giving up', () => usage()?.error)
      // The next run, which is skipped, may replace the first message before it is seen.
      expect(error).toMatch(/did not (?:answer in time|finish within)|previous run still in progress/)
      // Values that do not need the engine are still collected.
      expect(live.agent.status().collectors.usage?.ok).toBe(true)
    } finally {
      engine.signal('SIGCONT')
    }
    await eventually('the collector being well again', () => usage()?.ok)
    await on('run', '--name', 'after-the-hang', '--network', 'none', BUSYBOX_IMAGE, 'true')
    for (const agent of [live, asking])
      await eventually('an event after it', () =>
        agent.events().some(({ attributes }) => attributes['container.name'] === 'after-the-hang'),
      )
    await asking.stop()
  }, 120_000)
})

/** Returns the events that must be reported for a container: each of its milestones once. */
function milestones({ Id, State }: Inspected): string[] {
  return [
    `${Id} created`,
    ...(isMoment(State.StartedAt) ? [`${Id} started`] : []),
    ...(isMoment(State.FinishedAt) && !State.Running ? [`${Id} ended`] : []),
  ]
}

function isMoment(text: string): boolean {
  return !text.startsWith('0001')
}

function toMilestone({ name, entity }: { readonly name: string; readonly entity: { readonly id: string } }): string[] {
  const milestone = {
    'container.created': 'created',
    'container.started': 'started',
    'container.exited': 'ended',
    'container.crashed': 'ended',
  }[name]
  return milestone === undefined ? [] : [`${entity.id} ${milestone}`]
}
