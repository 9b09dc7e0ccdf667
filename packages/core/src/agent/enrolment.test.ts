import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { recordingLogger } from '../../test/recording-logger.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { PlatformError } from '../errors/platform-error.ts'
import type { AgentKey, EnrollRequest } from '../platform/protocol.ts'
import { createDirectoryState, createMemoryState, type StateStore } from '../state/state-store.ts'
import { createEnrolment } from './enrolment.ts'

const AGENT_ID = '3f1b9c0e-8f5e-5d1b-9a55-2d3c9f8b7a60'

function keyOf(name: string): AgentKey {
  return { agent_key: `agentkey_${name.padEnd(43, 'x')}`, expires_at: '2026-12-30T10:00:00.000Z' }
}

const request: EnrollRequest = {
  agent_id: AGENT_ID,
  agent_type: 'docker',
  agent_version: '1.0.0',
  instance_id: 'web-1-3f9c01d2',
}

const unreachable = new PlatformError('connection refused', { retryable: true })
const statusOf = (status: number): PlatformError => new PlatformError(`answered ${status}`, { retryable: true, status })

type Answer = AgentKey | PlatformError

/** An agent whose platform gives these answers to requests for keys, one after the other. */
function setUp(answers: readonly Answer[], state: StateStore | undefined = createMemoryState()) {
  const waiting = [...answers]
  const calls: string[] = []
  const used: (string | undefined)[] = []
  const secrets: string[] = []
  const clock = { now: 0, mayRotate: true }
  const refused = { reload: async (): Promise<void> => undefined }
  const described: { request: EnrollRequest | undefined } = { request }
  const log = recordingLogger()
  const answer = async (call: string): Promise<AgentKey> => {
    calls.push(call)
    const next = waiting.shift()
    if (next === undefined) throw new Error(`unexpected call: ${call}`)
    if (next instanceof PlatformError) throw next
    return next
  }
  const enrolment = createEnrolment({
    client: {
      enroll: () => answer('enroll'),
      rotateKey: () => answer('rotate'),
      useKey: (key) => used.push(key),
      usesKey: () => used.at(-1) !== undefined,
      isKeyRefused: () => false,
      onKeyRefused: (reload) => {
        refused.reload = reload
      },
    },
    state: () => state,
    mayRotate: () => clock.mayRotate,
    log,
    addSecret: (secret) => secrets.push(secret),
    describe: () => described.request,
    now: () => clock.now,
  })
  const inUse = (): string | undefined => used.at(-1)
  /** As the client, after the platform has refused the key: asks for another one, and else uses the token. */
  const refuseKey = async (): Promise<void> => {
    const before = inUse()
    await refused.reload()
    if (inUse() === before) used.push(undefined)
  }
  return { enrolment, calls, secrets, clock, described, log, inUse, refuseKey }
}

const first = keyOf('first')
const second = keyOf('second')

describe('an agent without a key', () => {
  test('enrols, saves the key and then uses it', async () => {
    const directory = join(await temporaryDirectory(), 'state')
    const { enrolment, calls, inUse, secrets, log } = setUp([first], createDirectoryState(directory))
    await enrolment.prepare()
    await enrolment.prepare()
    expect(calls).toEqual(['enroll'])
    expect(inUse()).toBe(first.agent_key)
    expect(enrolment.keyExpiresAt()).toBe(first.expires_at)
    expect((await stat(join(directory, `key-${AGENT_ID}`))).mode & 0o777).toBe(0o600)
    expect(secrets).toContain(first.agent_key)
    expect(JSON.stringify(log.lines)).not.toContain(first.agent_key)

    const restarted = setUp([], createDirectoryState(directory))
    await restarted.enrolment.load()
    expect([restarted.inUse(), restarted.calls]).toEqual([first.agent_key, []])
    expect(await readdir(directory)).toEqual([`key-${AGENT_ID}`])
  })

  test('enrols once if two heartbeats overlap', async () => {
    const { enrolment, calls } = setUp([first])
    await Promise.all([enrolment.prepare(), enrolment.prepare()])
    expect(calls).toEqual(['enroll'])
  })

  test('does not enrol without a state, nor before its id is known', async () => {
    const state = createMemoryState()
    const stateless = setUp([])
    const noState = createEnrolment({
      client: {
        enroll: () => Promise.reject(new Error('called')),
        rotateKey: () => Promise.reject(),
        useKey: () => undefined,
        usesKey: () => false,
        isKeyRefused: () => false,
        onKeyRefused: () => undefined,
      },
      state: () => undefined,
      log: stateless.log,
      addSecret: () => undefined,
      describe: () => request,
    })
    await noState.prepare()
    expect(stateless.log.lines).toEqual([])
    const provisional = setUp([first], state)
    provisional.described.request = undefined
    await provisional.enrolment.prepare()
    expect(provisional.calls).toEqual([])
    provisional.described.request = request
    await provisional.enrolment.prepare()
    expect(provisional.inUse()).toBe(first.agent_key)
  })

  test('enrols again at the next heartbeat after a lost answer', async () => {
    const { enrolment, calls, inUse } = setUp([unreachable, second])
    await enrolment.prepare()
    expect(inUse()).toBeUndefined()
    await enrolment.prepare()
    expect([calls, inUse()]).toEqual([['enroll', 'enroll'], second.agent_key])
  })

  test('waits as long as the platform asks for', async () => {
    const busy = new PlatformError('busy', { retryable: true, status: 503, retryAfter: 60_000 })
    const { enrolment, calls, clock } = setUp([busy, first])
    await enrolment.prepare()
    clock.now = 59_999
    await enrolment.prepare()
    expect(calls).toEqual(['enroll'])
    clock.now = 120_000
    await enrolment.prepare()
    expect(calls).toEqual(['enroll', 'enroll'])
  })

  test('enrols again after a crash between receiving and saving the key', async () => {
    const state = createMemoryState()
    const crashing: StateStore = { ...state, write: () => new Promise(() => undefined) }
    const crashed = setUp([first], crashing)
    void crashed.enrolment.prepare()
    await expect.poll(() => crashed.calls).toEqual(['enroll'])
    expect(crashed.inUse()).toBeUndefined()
    const restarted = setUp([second], state)
    await restarted.enrolment.prepare()
    expect(restarted.inUse()).toBe(second.agent_key)
  })

  test.each([404, 405])('asks an older platform, which answers %i, once an hour', async (status) => {
    const { enrolment, calls, clock, log, inUse } = setUp([statusOf(status), first])
    await enrolment.prepare()
    clock.now += 3_599_999
    await enrolment.prepare()
    expect(calls).toHaveLength(1)
    expect(log.messages('info')).toEqual(['not enrolled: the agent uses its token'])
    expect(log.messages('warn')).toEqual([])
    clock.now += 1
    await enrolment.prepare()
    expect(inUse()).toBe(first.agent_key)
  })

  test('uses the token if the key cannot be saved, and says so', async () => {
    const state: StateStore = { ...createMemoryState(), write: () => Promise.reject(new Error('read-only')) }
    const { enrolment, calls, log, inUse } = setUp([first], state)
    await enrolment.prepare()
    await enrolment.prepare()
    expect([calls, inUse()]).toEqual([['enroll'], undefined])
    expect(log.messages('warn')).toEqual(['key not saved: the agent goes on without it'])
  })

  test('enrols again if the saved file does not hold a key, without logging its content', async () => {
    const directory = await temporaryDirectory()
    await writeFile(join(directory, `key-${AGENT_ID}`), '{"agent_key":"agentkey_cut-off-canary')
    const { enrolment, log, inUse } = setUp([first], createDirectoryState(directory))
    await enrolment.prepare()
    expect(inUse()).toBe(first.agent_key)
    expect(log.messages('warn')).toEqual(['saved key not readable: the agent enrols again'])
    expect(JSON.stringify(log.lines)).not.toContain('canary')
  })
})

describe('an agent with a key', () => {
  test('replaces it when asked, saves the new one and then uses it', async () => {
    const state = createMemoryState()
    const { enrolment, calls, inUse } = setUp([first, second], state)
    await enrolment.prepare()
    await enrolment.rotate()
    expect([calls, inUse()]).toEqual([['enroll', 'rotate'], second.agent_key])
    const restarted = setUp([], state)
    await restarted.enrolment.prepare()
    expect(restarted.inUse()).toBe(second.agent_key)
  })

  test('keeps it after a lost answer, and asks again a minute later', async () => {
    const { enrolment, calls, clock, inUse } = setUp([first, unreachable, second])
    await enrolment.prepare()
    await enrolment.rotate()
    await enrolment.rotate()
    expect([calls, inUse()]).toEqual([['enroll', 'rotate'], first.agent_key])
    clock.now += 60_000
    await enrolment.rotate()
    expect(inUse()).toBe(second.agent_key)
  })

  test('keeps it if the new one cannot be saved', async () => {
    const state = createMemoryState()
    let isFull = false
    const disk: StateStore = {
      read: state.read,
      write: (key, text) => (isFull ? Promise.reject(new Error('no space')) : state.write(key, text)),
    }
    const { enrolment, inUse } = setUp([first, second], disk)
    await enrolment.prepare()
    isFull = true
    await enrolment.rotate()
    expect(inUse()).toBe(first.agent_key)
  })

  test('enrols again after the platform has refused it', async () => {
    const { enrolment, inUse, refuseKey } = setUp([first, second])
    await enrolment.prepare()
    await refuseKey()
    expect(enrolment.keyExpiresAt()).toBeUndefined()
    await enrolment.prepare()
    expect(inUse()).toBe(second.agent_key)
  })

  test('does not use the key of another agent that shares its state directory', async () => {
    const state = createMemoryState()
    await setUp([first], state).enrolment.prepare()
    const other = setUp([second], state)
    other.described.request = { ...request, agent_id: '8c5f2b0e-3d1a-5c47-9b62-0f4f7a1d9e33' }
    await other.enrolment.prepare()
    expect([other.calls, other.inUse()]).toEqual([['enroll'], second.agent_key])
  })

  test('leaves the replacement of a shared key to the leader, and uses what the leader saved', async () => {
    const state = createMemoryState()
    const leader = setUp([first, second], state)
    await leader.enrolment.prepare()
    const standby = setUp([], state)
    standby.clock.mayRotate = false
    await standby.enrolment.prepare()
    await standby.enrolment.rotate()
    expect([standby.calls, standby.inUse()]).toEqual([[], first.agent_key])
    await leader.enrolment.rotate()
    await standby.refuseKey()
    expect([standby.calls, standby.inUse()]).toEqual([[], second.agent_key])
  })
})
