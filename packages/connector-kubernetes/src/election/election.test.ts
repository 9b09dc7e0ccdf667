import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { leaseServer } from '../../test/lease-server.ts'
import { configSchema } from '../config.ts'
import { type ElectionClient, stand } from './election.ts'

const TIMING = { duration: 1000, every: 20, patience: 300 }

type Server = Pick<ReturnType<typeof leaseServer>, 'api'>

/** One of several agents. */
function candidate({ api }: Server, instanceId: string, config: object = { lease_name: 'agents' }) {
  const stopping = new AbortController()
  const roles: string[] = []
  const client: ElectionClient = { api, config: configSchema.parse(config) }
  const turn = (role: string) => () => {
    if (roles.at(-1) !== role) roles.push(role)
  }
  const standing = stand(
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
  standing.catch(() => undefined)
  const stop = async (): Promise<void> => {
    stopping.abort()
    await standing.catch(() => undefined)
  }
  onTestFinished(stop)
  return {
    roles,
    standing,
    stop,
    becomes: (role: string) => expect.poll(() => roles.at(-1), { timeout: 5000 }).toBe(role),
  }
}

test('leads alone where no lease is named', async () => {
  const server = leaseServer()
  const alone = candidate(server, 'a', {})
  await alone.becomes('leader')
  await alone.stop()
  expect([alone.roles, server.holder()]).toEqual([['leader'], undefined])
})

test('takes a lease that nobody holds, as the chart makes it', async () => {
  const server = leaseServer({ kind: 'Lease' })
  const first = candidate(server, 'a')
  await first.becomes('leader')
  expect([server.holder(), server.transitions()]).toEqual(['a', 1])
})

test('makes a lease where there is none', async () => {
  const server = leaseServer()
  await candidate(server, 'a').becomes('leader')
  expect(server.holder()).toBe('a')
})

test('one leads, and another takes over at once when it stops in order', async () => {
  const server = leaseServer()
  const first = candidate(server, 'a')
  await first.becomes('leader')
  const second = candidate(server, 'b')
  await second.becomes('standby')
  await sleep(10 * TIMING.every)
  expect([first.roles, second.roles]).toEqual([['leader'], ['standby']])
  await first.stop()
  await second.becomes('leader')
  expect([server.holder(), server.transitions()]).toEqual(['b', 3])
})

test('takes over from one that does not renew its lease any more, and not before', async () => {
  const spec = { holderIdentity: 'gone', leaseDurationSeconds: 1, renewTime: '2020-01-01T00:00:00.000000Z' }
  const server = leaseServer({ spec })
  const other = candidate(server, 'b')
  await other.becomes('standby')
  await other.becomes('leader')
  expect(server.holder()).toBe('b')
})

test('goes on leading when somebody else writes to its lease, and when the server is away for a moment', async () => {
  const server = leaseServer()
  const first = candidate(server, 'a')
  await first.becomes('leader')
  server.touch()
  await sleep(5 * TIMING.every)
  server.fail(new Error('connection refused'))
  await sleep(2 * TIMING.every)
  server.fail(undefined)
  await sleep(5 * TIMING.every)
  expect([first.roles, server.holder()]).toEqual([['leader'], 'a'])
})

test('stands by, and says why, when the server stays away', async () => {
  const server = leaseServer()
  const first = candidate(server, 'a')
  await first.becomes('leader')
  server.fail(new Error('connection refused'))
  await expect(first.standing).rejects.toThrow('connection refused')
  expect(first.roles).toEqual(['leader', 'standby'])
})

test('says who makes the lease where it is not there and may not be made', async () => {
  const server = leaseServer()
  server.forbidCreation()
  const first = candidate(server, 'a')
  await expect(first.standing).rejects.toThrow(
    '`lease_name`: there is no Lease agents in namespace rca, and the agent may not make one. The chart makes it',
  )
  expect(first.roles).toEqual(['standby'])
})

test('stands by when its lease was taken away from it', async () => {
  const server = leaseServer()
  const first = candidate(server, 'a')
  await first.becomes('leader')
  server.forbidCreation()
  server.remove()
  await expect(first.standing).rejects.toThrow('there is no Lease agents')
  expect(first.roles).toEqual(['leader', 'standby'])
})
