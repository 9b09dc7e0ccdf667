import { describe, expect, test } from 'vitest'
import { openDrainable } from './drainable-stream.ts'

/** A stream of the pushed items. */
function pushed(...items: (string | Error)[]) {
  let wake = (): void => undefined
  let isOver = false
  async function* read(): AsyncGenerator<string> {
    for (;;) {
      const item = items.shift()
      if (item instanceof Error) throw item
      if (item !== undefined) yield item
      else if (isOver) return
      else
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
  }
  return {
    stream: openDrainable(read()),
    push: (item: string | Error) => {
      items.push(item)
      wake()
    },
    end: () => {
      isOver = true
      wake()
    },
  }
}

describe('DrainableStream', () => {
  test('drains the backlog, then returns new items, and loses none in between', async () => {
    const { stream, push } = pushed('a', 'b')
    const taken: string[] = []
    await stream.drain((item) => taken.push(item))
    expect(taken).toEqual(['a', 'b'])
    const next = stream.next()
    push('c')
    expect(await next).toBe('c')
    push('d')
    await stream.drain((item) => taken.push(item))
    expect(taken).toEqual(['a', 'b', 'd'])
  })

  test('reads from the moment of opening', async () => {
    let isRead = false
    async function* items(): AsyncGenerator<string> {
      isRead = true
      yield 'a'
    }
    const stream = openDrainable(items())
    expect(isRead).toBe(true)
    expect(await stream.next()).toBe('a')
  })

  test('stops draining at the end of the stream', async () => {
    const { stream, end } = pushed('a')
    end()
    const taken: string[] = []
    await stream.drain((item) => taken.push(item))
    expect(taken).toEqual(['a'])
    expect(await stream.next()).toBeUndefined()
  })

  test.each(['during the drain', 'before the next read'])('rejects when the stream fails %s', async (when) => {
    const { stream, push } = pushed('a')
    const failure = new Error('the engine stopped')
    if (when === 'during the drain') {
      const silence = stream.drain(() => push(failure))
      await expect(silence).rejects.toBe(failure)
      return
    }
    await stream.drain(() => undefined)
    push(failure)
    await expect(stream.next()).rejects.toBe(failure)
  })

  test('stops draining a stream that never falls silent', async () => {
    async function* numbers(): AsyncGenerator<number> {
      for (let number = 1; ; number += 1) yield number
    }
    const stream = openDrainable(numbers())
    let newest = 0
    await stream.drain((number) => {
      newest = number
    })
    expect(newest).toBeGreaterThan(256)
    expect(await stream.next()).toBe(newest + 1)
  })
})
