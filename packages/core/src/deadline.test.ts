import { expect, test, vi } from 'vitest'
import { gate } from './../test/gate.ts'
import { withDeadline } from './deadline.ts'
import { DeadlineError } from './errors/deadline-error.ts'

test('what ends in time is what it is', async () => {
  await expect(withDeadline('it', 1e12, undefined, async () => 5)).resolves.toBe(5)
  await expect(withDeadline('it', 1000, undefined, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
})

test('what throws before it waits is an error like any other', async () => {
  const run = (): Promise<never> => {
    throw new Error('at once')
  }
  await expect(withDeadline('it', 1000, undefined, run)).rejects.toThrow('at once')
})

test('at the deadline the signal aborts, and what ignores it is left', async () => {
  let given: AbortSignal | undefined
  const late = gate<string>()
  const running = withDeadline('reading disks', 5, undefined, (signal) => {
    given = signal
    return late.promise
  })
  await expect(running).rejects.toThrow(DeadlineError)
  await expect(running).rejects.toThrow('reading disks did not finish within 0.005 s')
  expect(given?.aborted).toBe(true)
  // What it says later disturbs nobody.
  late.break(new Error('too late'))
})

test('it ends with its parent, and leaves nothing behind', async () => {
  vi.useFakeTimers()
  const parent = new AbortController()
  const running = withDeadline('it', 1000, parent.signal, () => new Promise(() => undefined))
  parent.abort(new Error('stopped'))
  await expect(running).rejects.toThrow('stopped')
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

test('nothing is begun for a parent that has stopped', async () => {
  const run = vi.fn(async () => 1)
  await expect(withDeadline('it', 1000, AbortSignal.abort(new Error('stopped')), run)).rejects.toThrow('stopped')
  expect(run).not.toHaveBeenCalled()
})
