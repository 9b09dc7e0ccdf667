import { describe, expect, test, vi } from 'vitest'
import { type Client, exampleConnector, host } from '../../test/example-connector.ts'
import { gate } from '../../test/gate.ts'
import { recordingLogger } from '../../test/recording-logger.ts'
import type { Connector, Identity } from '../connector/connector.ts'
import { createConnection } from './connect.ts'

function connectionOf(parts: Partial<Connector<unknown, Client>>): {
  connection: ReturnType<typeof createConnection<object, Client>>
  log: ReturnType<typeof recordingLogger>
} {
  const log = recordingLogger()
  const connector = exampleConnector(parts)
  return {
    connection: createConnection({
      connector,
      config: {},
      log,
      now: () => new Date(0),
      openKeyedHash: async () => (text) => text,
    }),
    log,
  }
}

const identity: Identity = { id: 'machine-1', name: 'web-1', entity: host }

describe('Connection', () => {
  test('opens the client once for concurrent callers, and closes it once', async () => {
    const connect = vi.fn(async () => ({ name: 'x' }))
    const disconnect = vi.fn(async () => undefined)
    const { connection } = connectionOf({ connect, disconnect })
    const [one, two] = await Promise.all([connection.open(), connection.open()])
    expect(one).toBe(two)
    expect(one).toEqual({ client: { name: 'x' }, identity })
    await connection.close(1000)
    await connection.close(1000)
    expect(connect).toHaveBeenCalledOnce()
    expect(disconnect).toHaveBeenCalledOnce()
  })

  test('can be closed without having been opened', async () => {
    const disconnect = vi.fn(async () => undefined)
    await connectionOf({ disconnect }).connection.close(1000)
    expect(disconnect).not.toHaveBeenCalled()
  })

  test('tries again after a failed attempt', async () => {
    let attempts = 0
    const connect = async (): Promise<Client> => {
      attempts += 1
      if (attempts === 1) throw new Error('permission denied')
      return { name: 'x' }
    }
    const { connection } = connectionOf({ connect })
    await expect(connection.open()).rejects.toThrow('permission denied')
    expect((await connection.open()).client).toEqual({ name: 'x' })
  })

  test.each([
    ['fails', () => Promise.reject(new Error('no machine id')), 'no machine id'],
    ['throws', (): never => ({}) as never, 'an `id` that is empty or not a string'],
    ['is nothing', async () => undefined as never, 'an `id` that is empty or not a string'],
    ['has no id', async () => ({ ...identity, id: '' }), 'an `id` that is empty or not a string'],
    ['has no name', async () => ({ ...identity, name: undefined as never }), 'has no name'],
    ['has no entity', async () => ({ ...identity, entity: { type: '', id: '' } }), 'without a valid type'],
    [
      'has an undeclared type',
      async () => ({ id: '1', name: 'web-1', entity: { type: 'broker', id: '1' } }),
      'references an entity of type `broker`, which is not declared in `signals`',
    ],
  ])('closes a client whose identity %s', async (_what, identify, problem) => {
    const disconnect = vi.fn(async () => undefined)
    const { connection } = connectionOf({ identify, disconnect })
    await expect(connection.open()).rejects.toThrow(problem)
    expect(disconnect).toHaveBeenCalledOnce()
  })

  test('closes a client that connects after the abort', async () => {
    const late = gate<Client>()
    const closed = gate()
    const disconnect = async (): Promise<void> => closed.open()
    const { connection } = connectionOf({ connect: () => late.promise, disconnect })
    const stop = new AbortController()
    const opening = connection.open(stop.signal)
    stop.abort(new Error('stopped'))
    await expect(opening).rejects.toThrow('stopped')
    late.open({ name: 'late' })
    await closed.promise
  })

  test('closes a client whose `identify` hangs at the abort', async () => {
    const asked = gate()
    const closed = gate()
    const identify = (): Promise<Identity> => {
      asked.open()
      return new Promise(() => undefined)
    }
    const { connection } = connectionOf({ identify, disconnect: async () => closed.open() })
    const stop = new AbortController()
    const opening = connection.open(stop.signal)
    await asked.promise
    stop.abort(new Error('stopped'))
    await expect(opening).rejects.toThrow('stopped')
    await closed.promise
  })

  test('rejects at the timeout of connecting', async () => {
    vi.useFakeTimers()
    const { connection } = connectionOf({ connect: () => new Promise(() => undefined) })
    const opening = expect(connection.open()).rejects.toThrow('connecting to Example did not finish within 15 s')
    await vi.advanceTimersByTimeAsync(15_000)
    await opening
    vi.useRealTimers()
  })

  test.each<[string, () => Promise<void>, string]>([
    ['fails', () => Promise.reject(new Error('busy')), 'busy'],
    ['hangs', () => new Promise(() => undefined), 'closing the client did not finish within 0.005 s'],
  ])('logs and ignores a `disconnect` that %s', async (_what, disconnect, error) => {
    const { connection, log } = connectionOf({ disconnect })
    await connection.open()
    await connection.close(5)
    expect(log.lines).toEqual([{ level: 'warn', fields: { error }, message: 'client not closed' }])
  })
})
