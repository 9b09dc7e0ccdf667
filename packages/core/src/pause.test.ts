import { expect, test, vi } from 'vitest'
import { pause, settled } from './pause.ts'

test('a wait that is longer than a timer can do does not end at once', async () => {
  vi.useFakeTimers()
  const stop = new AbortController()
  let over = false
  const waiting = pause(2 ** 40, stop.signal).then(() => {
    over = true
  })
  await vi.advanceTimersByTimeAsync(1000)
  expect(over).toBe(false)
  stop.abort()
  await waiting
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

test('a wait for something that was aborted before is none', async () => {
  await pause(1e6, AbortSignal.abort())
})

test('waiting for a promise ends with it, fails or not, or when patience does', async () => {
  await settled(Promise.resolve(), 1e6)
  await settled(Promise.reject(new Error('no')), 1e6)
  await settled(undefined, 1e6)
  await settled(new Promise(() => undefined), 1)
})
