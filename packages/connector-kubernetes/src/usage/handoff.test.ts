import { describe, expect, test } from 'vitest'
import { createHandoff } from './handoff.ts'

describe('Handoff', () => {
  test('passes the items of concurrent producers, and ends', async () => {
    const handoff = createHandoff<number>()
    const produced = Promise.all([1, 2, 3].map(handoff.put)).finally(handoff.end)
    const items: number[] = []
    for await (const item of handoff) items.push(item)
    await produced
    expect(items).toEqual([1, 2, 3])
  })

  test('makes the producer wait until the consumer asks for the next item', async () => {
    const handoff = createHandoff<number>()
    const order: string[] = []
    const produced = (async () => {
      for (const item of [1, 2]) {
        await handoff.put(item)
        order.push(`put ${item}`)
      }
      handoff.end()
    })()
    for await (const item of handoff) {
      await new Promise((resolve) => setImmediate(resolve))
      order.push(`took ${item}`)
    }
    await produced
    expect(order).toEqual(['took 1', 'put 1', 'took 2', 'put 2'])
  })

  test('rejects producers once the consumer has left', async () => {
    const handoff = createHandoff<number>()
    const [first, second] = [handoff.put(1), handoff.put(2)]
    const rejected = expect(second).rejects.toThrow('closed before it had read everything')
    for await (const item of handoff) if (item === 1) break
    await first
    await rejected
    await expect(handoff.put(3)).rejects.toThrow('closed')
  })
})
