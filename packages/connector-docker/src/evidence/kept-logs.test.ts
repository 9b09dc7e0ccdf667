import { describe, expect, test } from 'vitest'
import { createKeptLogs } from './kept-logs.ts'

const { signal } = new AbortController()

describe('KeptLogs', () => {
  test('keeps only the end of a log', async () => {
    const logs = createKeptLogs(
      {
        followLog: async (_id, _lines, take) => {
          for (let count = 0; count < 100; count += 1) take(Buffer.from('x'.repeat(10_000)))
          take(Buffer.from('last words'))
        },
      },
      200,
    )
    logs.follow('a')
    const text = await logs.take('a', signal)
    expect(text).toHaveLength(32_768)
    expect(text?.endsWith('last words')).toBe(true)
    expect(await logs.take('a', signal)).toBeUndefined()
  })

  test('follows at most 32 logs at once, until it is closed', async () => {
    let open = 0
    const followLog = (_id: string, _lines: number, _take: unknown, stopped: AbortSignal): Promise<void> => {
      open += 1
      return new Promise((resolve) =>
        stopped.addEventListener('abort', () => {
          open -= 1
          resolve()
        }),
      )
    }
    const logs = createKeptLogs({ followLog }, 200)
    const followed = Array.from({ length: 40 }, (_, index) => logs.follow(`${index}`)).filter(Boolean)
    expect(followed).toHaveLength(32)
    expect(open).toBe(32)
    logs.close()
    expect(open).toBe(0)
  })

  test('follows nothing when no lines are wanted', async () => {
    const logs = createKeptLogs({ followLog: () => Promise.reject(new Error('not wanted')) }, 0)
    logs.follow('a')
    expect(await logs.take('a', signal)).toBeUndefined()
  })
})
