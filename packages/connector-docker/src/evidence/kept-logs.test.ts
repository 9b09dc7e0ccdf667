import { describe, expect, test, vi } from 'vitest'
import { captured } from '../../test/fixtures.ts'
import type { EngineApi } from '../engine/engine-api.ts'
import { createKeptLogs } from './kept-logs.ts'

const { signal } = new AbortController()
const running = captured().container('plain')

/** Returns the kept logs of an engine on which every container runs, until it is `ended`. */
function keptLogs(followLog: EngineApi['followLog'], lines = 200) {
  const ended = new Set<string>()
  const followed = vi.fn(followLog)
  const container = async (id: string) => (ended.has(id) ? undefined : { ...running, id })
  return { ended, followed, logs: createKeptLogs({ container, followLog: followed }, lines, 0) }
}

describe('KeptLogs', () => {
  test('keeps only the end of a log', async () => {
    const { logs, followed } = keptLogs(async (_id, _lines, take) => {
      for (let count = 0; count < 100; count += 1) take(Buffer.from('x'.repeat(10_000)))
      take(Buffer.from('last words'))
    })
    logs.follow('a')
    await vi.waitFor(() => expect(followed).toHaveBeenCalled(), 20_000)
    const text = await logs.take('a', signal)
    expect(text).toHaveLength(32_768)
    expect(text?.endsWith('last words')).toBe(true)
    expect(await logs.take('a', signal)).toBeUndefined()
  })

  test('begins the end of a log with a line', async () => {
    const { logs, followed } = keptLogs(async (_id, _lines, take) =>
      take(Buffer.from(`hunter2-${'of-'.repeat(11_000)}\nlast words`)),
    )
    logs.follow('a')
    await vi.waitFor(() => expect(followed).toHaveBeenCalled(), 20_000)
    expect(await logs.take('a', signal)).toBe('last words')
  })

  test('distinguishes an empty log from one that the engine does not return', async () => {
    const { logs, followed } = keptLogs((id) => (id === 'silent' ? Promise.resolve() : Promise.reject(new Error('no'))))
    for (const id of ['silent', 'unreadable']) logs.follow(id)
    await vi.waitFor(() => expect(followed).toHaveBeenCalledTimes(2), 20_000)
    expect(await logs.take('silent', signal)).toBe('')
    expect(await logs.take('unreadable', signal)).toBeUndefined()
  })

  test('asks for no log of a container that has ended, or whose exit is known', async () => {
    const { logs, followed, ended } = keptLogs(async () => undefined)
    for (const id of ['ended', 'taken', 'dropped', 'running']) logs.follow(id)
    ended.add('ended')
    expect(await logs.take('taken', signal)).toBeUndefined()
    logs.drop('dropped')
    await vi.waitFor(() => expect(followed).toHaveBeenCalled(), 20_000)
    expect(followed.mock.calls.map(([id]) => id)).toEqual(['running'])
  })

  test('follows a log again that ended while its container runs', async () => {
    const { logs, followed } = keptLogs(async (_id, _lines, take) => take(Buffer.from('words')))
    logs.follow('a')
    logs.follow('a')
    await vi.waitFor(() => expect(followed).toHaveBeenCalledTimes(1), 20_000)
    await new Promise(setImmediate)
    logs.follow('a')
    await vi.waitFor(() => expect(followed).toHaveBeenCalledTimes(2), 20_000)
    expect(await logs.take('a', signal)).toBe('words')
  })

  test('follows at most 32 logs at once, until it is closed', async () => {
    let open = 0
    const { logs } = keptLogs((_id, _lines, _take, stopped) => {
      open += 1
      return new Promise((resolve) =>
        stopped.addEventListener('abort', () => {
          open -= 1
          resolve()
        }),
      )
    })
    for (let number = 0; number < 40; number += 1) logs.follow(`${number}`)
    await vi.waitFor(() => expect(open).toBe(32), 20_000)
    logs.close()
    expect(open).toBe(0)
  })

  test('follows nothing when no lines are wanted', async () => {
    const { logs, followed } = keptLogs(async () => undefined, 0)
    logs.follow('a')
    expect(await logs.take('a', signal)).toBeUndefined()
    expect(followed).not.toHaveBeenCalled()
  })
})
