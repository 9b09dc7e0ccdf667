import { describe, expect, test } from 'vitest'
import { createItemReader } from './json-items.ts'

const list = {
  kind: 'PodList',
  metadata: { resourceVersion: '1', continue: 'a,[{"b' },
  items: [
    { metadata: { name: 'ä"\\"]},{"metadata":{' }, list: [[1, { a: [] }], '[{'], after: 1 },
    { metadata: {}, 'items":[': '🚢'.repeat(20), of: [{ metadata: {} }, { metadata: { name: 'within' } }] },
    { other: 'begins otherwise' },
    {},
    { metadata: { name: 'last' } },
  ],
}

function readIn(size: number, value: unknown) {
  const bytes = Buffer.from(JSON.stringify(value))
  const reader = createItemReader(JSON.parse)
  const items: unknown[] = []
  for (let at = 0; at < bytes.length; at += size) items.push(...reader.read(bytes.subarray(at, at + size)))
  const { items: last, metadata } = reader.end()
  return { early: items.length, items: [...items, ...last], metadata }
}

describe('a list that is taken apart', () => {
  test.each([1, 2, 3, 5, 7, 16, 64, 100_000])('in chunks of %i bytes is what it was', (size) => {
    const { items, metadata } = readIn(size, list)
    expect({ items, metadata }).toEqual({ items: list.items, metadata: list.metadata })
  })

  test('is read while it arrives, whatever its items begin with', () => {
    for (const first of ['metadata', 'kind', 'apiVersion']) {
      const items = Array.from({ length: 100 }, (_, index) => ({ [first]: { index } }))
      expect(readIn(50, { items, metadata: {} })).toMatchObject({ items, early: expect.toSatisfy((n) => n > 90) })
    }
  })

  test('is read while it arrives where objects hold what looks like others', () => {
    const of = Array.from({ length: 3 }, (_, index) => ({ metadata: { index } }))
    const items = Array.from({ length: 100 }, (_, index) => ({ metadata: { index }, of }))
    const read = readIn(111, { items, metadata: {} })
    expect(read.items).toEqual(items)
    expect(read.early).toBeGreaterThan(90)
  })

  test('parses an object no more often than its size doubles', () => {
    let parsed = 0
    const reader = createItemReader((text) => {
      parsed += 1
      return JSON.parse(text)
    })
    const of = Array.from({ length: 20_000 }, (_, index) => ({ metadata: { index } }))
    const bytes = Buffer.from(JSON.stringify({ items: [{ metadata: {}, of }, { metadata: {} }] }))
    const items: unknown[] = []
    for (let at = 0; at < bytes.length; at += 1000) items.push(...reader.read(bytes.subarray(at, at + 1000)))
    expect([...items, ...reader.end().items]).toEqual([{ metadata: {}, of }, { metadata: {} }])
    expect(parsed).toBeLessThan(60)
  })

  test('may have its items first, or none', () => {
    expect(readIn(3, { items: [{ a: 1 }], metadata: { b: 1 } })).toMatchObject({
      items: [{ a: 1 }],
      metadata: { b: 1 },
    })
    expect(readIn(3, { metadata: { b: 1 }, items: [] })).toMatchObject({ items: [], metadata: { b: 1 } })
    expect(readIn(3, { items: null }).items).toEqual([])
    expect(readIn(3, { items: ['no object', 1] }).items).toEqual(['no object', 1])
    expect(readIn(3, { kind: 'Pod' })).toMatchObject({ items: [], metadata: undefined })
  })

  test('may be laid out for people', () => {
    const reader = createItemReader(JSON.parse)
    expect(reader.read(Buffer.from(JSON.stringify(list, undefined, 2)))).toEqual([])
    expect(reader.end()).toEqual({ items: list.items, metadata: list.metadata })
  })

  test('that breaks off is a failure', () => {
    for (const text of ['{"items":[{"a":', '{"items":[{}', '{"items":[{"a":1},{"a":1}', '{', '']) {
      const reader = createItemReader(JSON.parse)
      reader.read(Buffer.from(text))
      expect(() => reader.end()).toThrow()
    }
  })

  test('with an object that has no end is given up', () => {
    const reader = createItemReader(JSON.parse)
    reader.read(Buffer.from('{"items":[{"a":"'))
    const chunk = Buffer.alloc(9 * 1024 * 1024, 97)
    reader.read(chunk)
    expect(() => reader.read(chunk)).toThrow('no end')
  })
})
