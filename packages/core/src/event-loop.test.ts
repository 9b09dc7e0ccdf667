import { describe, expect, test } from 'vitest'
import { type InterruptibleTask, inTimeSlices, runInTimeSlices, runToEnd, yieldToEventLoop } from './event-loop.ts'

/** Blocks the event loop. */
function block(milliseconds: number): void {
  const until = performance.now() + milliseconds
  while (performance.now() < until);
}

describe('yieldToEventLoop', () => {
  test('resumes one caller per turn, with turns of other work in between', async () => {
    const turns: string[] = []
    let isDone = false
    const others = (): void => {
      turns.push('other')
      if (!isDone) setImmediate(others)
    }
    setImmediate(others)
    await Promise.all(
      ['a', 'b', 'c'].map(async (name) => {
        await yieldToEventLoop()
        turns.push(name)
      }),
    )
    isDone = true
    const own = turns.filter((turn) => turn !== 'other')
    expect(own).toEqual(['a', 'b', 'c'])
    expect(turns.join(' ')).not.toMatch(/a b|b c/)
  })
})

describe('inTimeSlices', () => {
  test('yields every item in order and lets other work run in between', async () => {
    const items = Array.from({ length: 1000 }, (_, index) => index)
    let turns = 0
    const count = (): void => {
      turns += 1
      if (turns < 1000) setImmediate(count)
    }
    setImmediate(count)
    const seen: number[] = []
    for await (const chunk of inTimeSlices(items)) {
      block(1)
      seen.push(...chunk)
    }
    expect(seen).toEqual(items)
    expect(turns).toBeGreaterThan(1)
  })
})

/** Runs for a number of steps of 1 ms each, and yields a value at every third. */
function* work(steps: number): InterruptibleTask<number, string> {
  for (let step = 0; step < steps; step += 1) {
    block(1)
    yield step % 3 === 0 ? step : undefined
  }
  return 'done'
}

describe('runInTimeSlices', () => {
  test('returns the result and lets timers run in between', async () => {
    let turns = 0
    const timer = setInterval(() => {
      turns += 1
    }, 0)
    const values: number[] = []
    const result = await runInTimeSlices(work(60), async (value) => void values.push(value))
    clearInterval(timer)
    expect(result).toBe('done')
    expect(values).toEqual(Array.from({ length: 20 }, (_, index) => index * 3))
    expect(turns).toBeGreaterThan(1)
  })

  test('resumes only one of several concurrent tasks per turn', async () => {
    let [turn, most] = [0, 0]
    const tasksByTurn = new Map<number, Set<string>>()
    const counting = setInterval(() => {
      turn += 1
    }, 0)
    function* busy(name: string): InterruptibleTask<never> {
      for (const step of work(40)) {
        tasksByTurn.set(turn, (tasksByTurn.get(turn) ?? new Set()).add(name))
        yield void step
      }
    }
    await Promise.all(['a', 'b', 'c', 'd'].map((name) => runInTimeSlices(busy(name))))
    clearInterval(counting)
    // All tasks begin in the turn in which they are called.
    for (const [at, names] of tasksByTurn) if (at > 0) most = Math.max(most, names.size)
    expect(tasksByTurn.size).toBeGreaterThan(4)
    expect(most).toBe(1)
  })

  test('resumes the task only after its value was taken', async () => {
    const order: string[] = []
    function* task(): InterruptibleTask<string> {
      yield 'a'
      order.push('after a')
      yield 'b'
    }
    await runInTimeSlices(task(), async (value) => {
      await Promise.resolve()
      order.push(value)
    })
    expect(order).toEqual(['a', 'after a', 'b'])
  })
})

test('runInTimeSlices and runToEnd throw what the task throws', async () => {
  function* broken(): InterruptibleTask<never> {
    yield
    throw new Error('broken')
  }
  await expect(runInTimeSlices(broken())).rejects.toThrow('broken')
  expect(() => runToEnd(broken())).toThrow('broken')
})
