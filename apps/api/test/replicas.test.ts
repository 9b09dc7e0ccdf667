import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { startApi, type TestApi } from './kit.ts'

const PROGRAM = fileURLToPath(new URL('replica.ts', import.meta.url))

interface Instance {
  readonly instance_id: string
  readonly role: string
  readonly connectivity: string
}

interface Replicas {
  readonly api: TestApi
  start(): ChildProcess
  /** Adds an event that all replicas see. */
  addEvent(id: string): void
  /** Returns the instances from the platform, the leader first. */
  instances(): Promise<Instance[]>
  /** Returns the starts and ends of leader terms, in order. */
  history(): string[]
}

async function createReplicas(): Promise<Replicas> {
  const api = await startApi({ now: Date.now })
  const url = await api.listen()
  const token = await api.provision()
  const folder = mkdtempSync(join(tmpdir(), 'rca-replicas-'))
  const events = join(folder, 'events')
  writeFileSync(events, '')
  writeFileSync(join(folder, 'history'), '')
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return {
    api,
    start: () => {
      const options = ['--conditions=@rca/source', PROGRAM, url, token, folder]
      const child = spawn(process.execPath, options, { stdio: ['ignore', 'inherit', 'inherit'] })
      onTestFinished(() => void child.kill('SIGKILL'))
      return child
    },
    addEvent: (id) => appendFileSync(events, `${id}\n`),
    instances: async () => (await api.admin('/api/v1/agents')).json().agents[0].instances ?? [],
    history: () => readFileSync(join(folder, 'history'), 'utf8').split('\n').slice(0, -1),
  }
}

async function eventIds(api: TestApi): Promise<string[]> {
  const { events } = (await api.admin('/api/v1/events?limit=1000')).json()
  return events.map(({ id }: { id: string }) => id)
}

const WAIT = { timeout: 120_000, interval: 50 }

/** Starts two replicas and waits until one leads. */
async function startTwo(): Promise<Replicas & { readonly leader: ChildProcess; readonly other: ChildProcess }> {
  const all = await createReplicas()
  const leader = all.start()
  await vi.waitFor(async () => expect(await all.instances()).toMatchObject([{ role: 'leader' }]), WAIT)
  const other = all.start()
  await vi.waitFor(
    async () => expect(await all.instances()).toMatchObject([{ role: 'leader' }, { role: 'standby' }]),
    WAIT,
  )
  return { ...all, leader, other }
}

describe('replicas of an agent', () => {
  test('store every event once when the leader is killed', async () => {
    const { api, leader, addEvent, instances, history } = await startTwo()
    const [first] = await instances()
    const ids = Array.from({ length: 60 }, (_, index) => `event ${index}`)
    for (const [index, id] of ids.entries()) {
      addEvent(id)
      if (index === 30) leader.kill('SIGKILL')
      await setTimeout(20)
    }
    await vi.waitFor(async () => expect(await eventIds(api)).toContain(ids.at(-1)), WAIT)
    expect((await eventIds(api)).sort()).toEqual([...ids].sort())
    // On a busy machine, a heartbeat may be late: the instance is offline until the next one.
    const [second, dead] = await vi.waitFor(async () => {
      const found = await instances()
      expect(found[0]).toMatchObject({ role: 'leader', connectivity: 'online' })
      return found
    }, WAIT)
    expect(dead).toMatchObject({ role: 'standby', instance_id: first?.instance_id })
    expect(history()).toEqual([`${first?.instance_id} leads`, `${second?.instance_id} leads`])
  }, 300_000)

  test('hand over at once when the leader is stopped, after it has delivered everything', async () => {
    const { api, leader, other, addEvent, instances, history } = await startTwo()
    const [first] = await instances()
    const waitForEvents = async (ids: string[]) =>
      vi.waitFor(async () => expect((await eventIds(api)).sort()).toEqual(ids), WAIT)
    addEvent('1')
    await waitForEvents(['1'])
    addEvent('2')
    leader.kill('SIGTERM')
    expect(await once(leader, 'exit')).toEqual([0, null])
    await vi.waitFor(() => expect(history()).toHaveLength(3), WAIT)
    addEvent('3')
    await waitForEvents(['1', '2', '3'])
    const [second] = await instances()
    expect(history()).toEqual([
      `${first?.instance_id} leads`,
      `${first?.instance_id} released`,
      `${second?.instance_id} leads`,
    ])
    other.kill('SIGTERM')
    expect(await once(other, 'exit')).toEqual([0, null])
  }, 300_000)
})
