import { expect, test } from 'vitest'
import { ownTurn, paced } from './pace.ts'

test('what waits for turns goes on one after the other, with turns of others between', async () => {
  const turns: string[] = []
  let isDone = false
  const others = (): void => {
    turns.push('other')
    if (!isDone) setImmediate(others)
  }
  setImmediate(others)
  await Promise.all(
    ['a', 'b', 'c'].map(async (name) => {
      await ownTurn()
      turns.push(name)
    }),
  )
  isDone = true
  const own = turns.filter((turn) => turn !== 'other')
  expect(own).toEqual(['a', 'b', 'c'])
  expect(turns.join(' ')).not.toMatch(/a b|b c/)
})

test('items come in order, none is left out, and others have their turn meanwhile', async () => {
  const items = Array.from({ length: 1000 }, (_, index) => index)
  let turns = 0
  const count = (): void => {
    turns += 1
    if (turns < 1000) setImmediate(count)
  }
  setImmediate(count)
  const told: number[] = []
  for await (const some of paced(items)) {
    const begun = performance.now()
    while (performance.now() - begun < 1);
    told.push(...some)
  }
  expect(told).toEqual(items)
  expect(turns).toBeGreaterThan(1)
})
