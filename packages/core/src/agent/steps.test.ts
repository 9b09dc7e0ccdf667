import { expect, test } from 'vitest'
import { atOnce, inSlices, type Steps } from './steps.ts'

/** Works for so many steps of 1 ms each, and has something ready at every third. */
function* work(count: number): Steps<number, string> {
  for (let step = 0; step < count; step += 1) {
    const until = performance.now() + 1
    while (performance.now() < until);
    yield step % 3 === 0 ? step : undefined
  }
  return 'done'
}

test('everything else has its turn while work is done in slices', async () => {
  let turns = 0
  const turn = setInterval(() => {
    turns += 1
  }, 0)
  const ready: number[] = []
  const result = await inSlices(work(60), async (each) => void ready.push(each))
  clearInterval(turn)
  expect(result).toBe('done')
  expect(ready).toEqual(Array.from({ length: 20 }, (_, index) => index * 3))
  expect(turns).toBeGreaterThan(1)
})

test('of several that work at the same time only one goes on in a turn', async () => {
  let [turn, most] = [0, 0]
  const inTurns = new Map<number, Set<string>>()
  const counting = setInterval(() => {
    turn += 1
  }, 0)
  function* busy(name: string): Steps<never> {
    for (const step of work(40)) {
      inTurns.set(turn, (inTurns.get(turn) ?? new Set()).add(name))
      yield void step
    }
  }
  await Promise.all(['a', 'b', 'c', 'd'].map((name) => inSlices(busy(name))))
  clearInterval(counting)
  // All begin in the turn in which they are called.
  for (const [at, names] of inTurns) if (at > 0) most = Math.max(most, names.size)
  expect(inTurns.size).toBeGreaterThan(4)
  expect(most).toBe(1)
})

test('work goes on only after what is ready was taken', async () => {
  const order: string[] = []
  function* steps(): Steps<string> {
    yield 'a'
    order.push('after a')
    yield 'b'
  }
  await inSlices(steps(), async (each) => {
    await Promise.resolve()
    order.push(each)
  })
  expect(order).toEqual(['a', 'after a', 'b'])
})

test('what work throws is thrown', async () => {
  function* broken(): Steps<never> {
    yield
    throw new Error('broken')
  }
  await expect(inSlices(broken())).rejects.toThrow('broken')
  expect(() => atOnce(broken())).toThrow('broken')
})
