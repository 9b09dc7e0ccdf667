import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { replayed } from './replay.ts'

const many = Array.from({ length: 1000 }, (_, index) => index)

/** Takes so long per item that the replay yields to the event loop. */
function* slowly(): Iterable<number> {
  for (const one of many) {
    const begun = performance.now()
    while (performance.now() - begun < 0.02);
    yield one
  }
}

describe('replayed', () => {
  test('passes on existing objects in time slices, and changes of the meantime afterwards', async () => {
    const received: number[] = []
    const { take } = replayed(slowly(), (change) => received.push(change))
    expect(received.length).toBeLessThan(1000)
    take(1000)
    while (received.length < 1001) await setImmediate()
    take(1001)
    expect(received).toEqual([...many, 1000, 1001])
  })

  test('passes on nothing after it was stopped', async () => {
    const received: number[] = []
    const { stop } = replayed(slowly(), (change) => received.push(change))
    stop()
    const before = received.length
    for (let turns = 0; turns < 10; turns += 1) await setImmediate()
    expect(received).toHaveLength(before)
  })

  test('passes on changes at once if there are no existing objects', () => {
    const received: string[] = []
    replayed<string>([], (change) => received.push(change)).take('now')
    expect(received).toEqual(['now'])
  })
})
