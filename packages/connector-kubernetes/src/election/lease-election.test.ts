import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { leaseServer } from '../../test/lease-server.ts'
import { configSchema } from '../config.ts'
import { type ElectionClient, runElection } from './lease-election.ts'

const TIMING = { leaseDurationMs: 1000, retryIntervalMs: 20, renewTimeoutMs: 300 }

type Server = Pick<ReturnType<typeof leaseServer>, 'api'>

/** One of several agents. */
function candidate({ api }: Server, instanceId: string, config: object = { lease_name: 'agents' }) {
  const stopping = new AbortController()
  const roles: string[] = []
  const client: ElectionClient = { api, config: configSchema.parse(config) }
  const turn = (role: string) => () => {
    if (roles.at(-1) !== role) roles.push(role)
  }
  const election = runElection(
    client,
    {
      signal: stopping.signal,
      instanceId,
      now: () => new Date('2026-11-25T03:00:00.123Z'),
      promote: turn('leader'),
      demote: turn('standby'),
    },
    TIMING,
  )
  election.catch(() => undefined)
  const stop = async (): Promise<void> => {
    stopping.abort()
    await election.catch(() => undefined)
  }
  onTestFinished(stop)
  return {
    roles,
    election,
    stop,
    becomes: (role: string) => expect.poll(() => roles.at(-1), { timeout: 5000 }).toBe(role),
  }
}

describe('runElection', () => {
  test('leads at once if `lease_name` is not set', async () => {
    const server = leaseServer()
    const alone = candidate(server, 'a', {})
    await alone.becomes('leader')
    await alone.stop()
    expect([alone.roles, server.holder()]).toEqual([['leader'], undefined])
  })

  test('takes a lease without a holder, as the chart creates it', async () => {
    const server = leaseServer({ kind: 'Lease' })
    const first = candidate(server, 'a')
    await first.becomes('leader')
    expect([server.holder(), server.transitions()]).toEqual(['a', 1])
  })

  test('creates a lease that does not exist', async () => {
    const server = leaseServer()
    await candidate(server, 'a').becomes('leader')
    expect(server.holder()).toBe('a')
  })

  test('lets one lead, and another take over at once after it stopped in order', async () => {
    const server = leaseServer()
    const first = candidate(server, 'a')
    await first.becomes('leader')
    const second = candidate(server, 'b')
    await second.becomes('standby')
    await sleep(10 * TIMING.retryIntervalMs)
    expect([first.roles, second.roles]).toEqual([['leader'], ['standby']])
    await first.stop()
    await second.becomes('leader')
    expect([server.holder(), server.transitions()]).toEqual(['b', 3])
  })

  test('takes over from a leader that stopped renewing its lease, and not before the lease expired', async () => {
    const spec = { holderIdentity: 'stopped', leaseDurationSeconds: 1, renewTime: '2020-01-01T00:00:00.000000Z' }
    const server = leaseServer({ spec })
    const other = candidate(server, 'b')
    await other.becomes('standby')
    await other.becomes('leader')
    expect(server.holder()).toBe('b')
  })

  test('keeps leading after another writer changed its lease, and during a short outage', async () => {
    const server = leaseServer()
    const first = candidate(server, 'a')
    await first.becomes('leader')
    server.touch()
    await sleep(5 * TIMING.retryIntervalMs)
    server.fail(new Error('connection refused'))
    await sleep(2 * TIMING.retryIntervalMs)
    server.fail(undefined)
    await sleep(5 * TIMING.retryIntervalMs)
    expect([first.roles, server.holder()]).toEqual([['leader'], 'a'])
  })

  test('steps down with an error during a long outage', async () => {
    const server = leaseServer()
    const first = candidate(server, 'a')
    await first.becomes('leader')
    server.fail(new Error('connection refused'))
    await expect(first.election).rejects.toThrow('connection refused')
    expect(first.roles).toEqual(['leader', 'standby'])
  })

  test('says what creates the lease if it may not create it', async () => {
    const server = leaseServer()
    server.forbidCreation()
    const first = candidate(server, 'a')
    await expect(first.election).rejects.toThrow(
      '`lease_name`: Lease agents does not exist in namespace rca, and the agent may not create it. The chart creates it',
    )
    expect(first.roles).toEqual(['standby'])
  })

  test('steps down when another agent took its lease', async () => {
    const server = leaseServer()
    const first = candidate(server, 'a')
    await first.becomes('leader')
    server.forbidCreation()
    server.remove()
    await expect(first.election).rejects.toThrow('Lease agents does not exist')
    expect(first.roles).toEqual(['leader', 'standby'])
  })
})
