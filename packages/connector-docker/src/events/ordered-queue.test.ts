import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createOrderedQueue } from './ordered-queue.ts'

/** Records every delivery: `a`, or `a!` for the last one for now. */
function noting(): { readonly taken: string[]; readonly take: (result: string, isLast: boolean) => Promise<void> } {
  const taken: string[] = []
  return { taken, take: async (result, isLast) => void taken.push(isLast ? `${result}!` : result) }
}

/** A task that the test ends, and that records its start. */
function task(name: string) {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const made = {
    begun: false,
    run: (): Promise<string> => {
      made.begun = true
      return promise
    },
    end: () => resolve(name),
    fail: () => reject(new Error(name)),
  }
  return made
}

describe('OrderedQueue', () => {
  test('delivers results in the order of the tasks, whichever ends first', async () => {
    const { taken, take } = noting()
    const order = createOrderedQueue(3, take)
    const [slow, quick, last] = [task('slow'), task('quick'), task('last')]
    for (const { run } of [slow, quick, last]) order.add(run)
    last.end()
    quick.end()
    await setImmediate()
    expect(taken).toEqual([])
    slow.end()
    await order.drained()
    expect(taken).toEqual(['slow', 'quick', 'last!'])
  })

  test('marks the last result again after it was drained', async () => {
    const { taken, take } = noting()
    const order = createOrderedQueue(3, take)
    for (const name of ['a', 'b']) {
      order.add(async () => name)
      await order.drained()
    }
    expect(taken).toEqual(['a!', 'b!'])
  })

  test('limits concurrent tasks', async () => {
    const order = createOrderedQueue(2, noting().take)
    const tasks = ['a', 'b', 'c', 'd'].map(task)
    for (const { run } of tasks) order.add(run)
    await setImmediate()
    expect(tasks.map(({ begun }) => begun)).toEqual([true, true, false, false])
    tasks[1]?.end()
    await setImmediate()
    expect(tasks.map(({ begun }) => begun)).toEqual([true, true, true, false])
    for (const { end } of tasks) end()
    await order.drained()
  })

  test('waits for each delivery before the next', async () => {
    const first = Promise.withResolvers<void>()
    const taken: string[] = []
    const order = createOrderedQueue<string>(2, async (result) => {
      if (result === 'a') await first.promise
      taken.push(result)
    })
    for (const name of ['a', 'b']) order.add(async () => name)
    await setImmediate()
    expect(taken).toEqual([])
    first.resolve()
    await order.drained()
    expect(taken).toEqual(['a', 'b'])
  })
})

describe('OrderedQueue: back-pressure', () => {
  test('is ready until hundreds wait, and again after a delivery', async () => {
    const order = createOrderedQueue(1000, noting().take)
    const tasks = [task('first')]
    let hasRoom = true
    const ask = async (): Promise<void> => {
      hasRoom = false
      await order.ready()
      hasRoom = true
    }
    order.add(async () => tasks[0]?.run() ?? '')
    for (let room = ask(); tasks.length < 1000; room = ask()) {
      await setImmediate()
      if (!hasRoom) {
        tasks[0]?.end()
        await room
        break
      }
      const next = task('next')
      tasks.push(next)
      order.add(next.run)
    }
    expect(hasRoom).toBe(true)
    expect(tasks.length).toBeGreaterThan(100)
    expect(tasks.length).toBeLessThan(1000)
    for (const { end } of tasks) end()
    await order.drained()
  })
})

describe('OrderedQueue: failures', () => {
  test('rejects all waiters after a failed task, and delivers nothing after it', async () => {
    const { taken, take } = noting()
    const order = createOrderedQueue(4, take)
    const broken = task('broken')
    order.add(async () => 'before')
    order.add(broken.run)
    for (let count = 0; count < 1000; count += 1) order.add(async () => 'after')
    const room = order.ready()
    broken.fail()
    await expect(room).rejects.toThrow('broken')
    await expect(order.drained()).rejects.toThrow('broken')
    await expect(order.ready()).rejects.toThrow('broken')
    expect(taken).toEqual(['before'])
  })

  test('rejects the next `ready` after a failure', async () => {
    const order = createOrderedQueue(4, noting().take)
    order.add(async () => Promise.reject(new Error('broken')))
    await setImmediate()
    await expect(order.ready()).rejects.toThrow('broken')
  })

  test('rejects after a failed delivery', async () => {
    const order = createOrderedQueue<string>(1, async (result) => {
      throw new Error(`${result} is not wanted`)
    })
    order.add(async () => 'it')
    await expect(order.drained()).rejects.toThrow('it is not wanted')
  })
})
