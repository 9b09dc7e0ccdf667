import { describe, expect, test } from 'vitest'
import { createItemReader } from './json-items.ts'
import { parseWithoutManagers } from './parse-object.ts'

const list = {
  kind: 'PodList',
  metadata: { resourceVersion: '1', continue: 'a,[{"b' },
  items: [
    { name: 'ä"\\"]},{', list: [[1, { a: [] }], '[{'], managedFields: [{ 'k:{"type":"]"}': ['['] }], after: 1 },
    {},
    { name: 'last' },
  ],
}

function readIn(size: number, value: unknown) {
  const bytes = Buffer.from(JSON.stringify(value))
  const reader = createItemReader(JSON.parse)
  const items: unknown[] = []
  for (let at = 0; at < bytes.length; at += size) items.push(...reader.read(bytes.subarray(at, at + size)))
  const { items: last, metadata } = reader.end()
  return { items: [...items, ...last], early: items.length, metadata }
}

describe('a list that is taken apart', () => {
  test.each([1, 2, 7, 64, 100_000])('in chunks of %i bytes is what it was', (size) => {
    expect(readIn(size, list)).toEqual({ items: list.items, envelope: { ...list, items: [] } })
  })

  test('may have its items first, or none', () => {
    expect(readIn(3, { items: [{ a: 1 }], metadata: {} })).toEqual({
      items: [{ a: 1 }],
      envelope: { items: [], metadata: {} },
    })
    expect(readIn(3, { items: [] }).items).toEqual([])
    expect(readIn(3, { items: null }).items).toEqual([])
  })

  test('that breaks off is a failure', () => {
    for (const text of ['{"items":[{"a":', '{"items":[{}', '{']) {
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

test('managed fields are left out, and nothing else is', () => {
  const item = list.items[0]
  expect(parseWithoutManagers(JSON.stringify(item))).toEqual({ ...item, managedFields: [] })
  const text = { a: 'is no "managedFields":[ at all' }
  expect(parseWithoutManagers(JSON.stringify(text))).toEqual(text)
  expect(() => parseWithoutManagers('{"managedFields":[{')).toThrow(SyntaxError)
})
