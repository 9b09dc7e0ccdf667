import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createItemReader, parseWithLazyArray } from './json-array.ts'

const list = {
  kind: 'PodList',
  metadata: { resourceVersion: '1', continue: 'a,[{"b' },
  items: [
    { metadata: { name: 'ä"\\"]},{"metadata":{' }, list: [[1, { a: [] }], '[{'], after: 1 },
    { metadata: {}, 'items":[': '🚢'.repeat(20), of: [{ metadata: {} }, { metadata: { name: 'within' } }] },
    { other: 'begins with another key' },
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

describe('createItemReader', () => {
  test.each([1, 2, 3, 5, 7, 16, 64, 100_000])(
    'returns every item of a list that arrives in chunks of %i bytes',
    (size) => {
      const { items, metadata } = readIn(size, list)
      expect({ items, metadata }).toEqual({ items: list.items, metadata: list.metadata })
    },
  )

  test('returns items while the list arrives, whatever key they begin with', () => {
    for (const first of ['metadata', 'kind', 'apiVersion']) {
      const items = Array.from({ length: 100 }, (_, index) => ({ [first]: { index } }))
      expect(readIn(50, { items, metadata: {} })).toMatchObject({ items, early: expect.toSatisfy((n) => n > 90) })
    }
  })

  test('returns items while the list arrives if they contain text like a separator', () => {
    const of = Array.from({ length: 3 }, (_, index) => ({ metadata: { index } }))
    const items = Array.from({ length: 100 }, (_, index) => ({ metadata: { index }, of }))
    const read = readIn(111, { items, metadata: {} })
    expect(read.items).toEqual(items)
    expect(read.early).toBeGreaterThan(90)
  })

  test('parses a large item only as often as its size doubles', () => {
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

  test('reads lists with items first, empty lists, and other JSON', () => {
    expect(readIn(3, { items: [{ a: 1 }], metadata: { b: 1 } })).toMatchObject({
      items: [{ a: 1 }],
      metadata: { b: 1 },
    })
    expect(readIn(3, { metadata: { b: 1 }, items: [] })).toMatchObject({ items: [], metadata: { b: 1 } })
    expect(readIn(3, { items: null }).items).toEqual([])
    expect(readIn(3, { items: ['text', 1] }).items).toEqual(['text', 1])
    expect(readIn(3, { kind: 'Pod' })).toMatchObject({ items: [], metadata: undefined })
  })

  test('reads an indented list', () => {
    const reader = createItemReader(JSON.parse)
    const items = reader.read(Buffer.from(JSON.stringify(list, undefined, 2)))
    const end = reader.end()
    expect({ items: [...items, ...end.items], metadata: end.metadata }).toEqual({
      items: list.items,
      metadata: list.metadata,
    })
  })

  test('fails for an incomplete list', () => {
    for (const text of ['{"items":[{"a":', '{"items":[{}', '{"items":[{"a":1},{"a":1}', '{', '']) {
      const reader = createItemReader(JSON.parse)
      reader.read(Buffer.from(text))
      expect(() => reader.end()).toThrow()
    }
  })

  test('fails for an item that is too large', () => {
    const reader = createItemReader(JSON.parse)
    reader.read(Buffer.from('{"items":[{"a":"'))
    const chunk = Buffer.alloc(9 * 1024 * 1024, 97)
    reader.read(chunk)
    expect(() => reader.read(chunk)).toThrow('larger than')
  })
})

describe('parseWithLazyArray', () => {
  const captured = readFileSync(
    new URL('../../test/fixtures/kubernetes-1.20/stats-summary.json', import.meta.url),
    'utf8',
  )
  const summary = JSON.parse(captured) as { readonly node: object; readonly pods: readonly object[] }
  const pod = (reference: unknown) => ({ podRef: reference })

  function parsed(text: string): unknown {
    const { pods, ...rest } = parseWithLazyArray(Buffer.from(text), 'pods') as { readonly pods: Iterable<unknown> }
    return { ...rest, pods: [...pods] }
  }

  test.each([
    ['indented', captured],
    ['compact', JSON.stringify(summary)],
    ['with the array first', JSON.stringify({ pods: summary.pods, node: summary.node })],
    ['with one item', JSON.stringify({ node: {}, pods: [pod({ uid: 'a' })] })],
    ['with an empty array', JSON.stringify({ node: {}, pods: [] })],
    ['with other first keys', JSON.stringify({ node: {}, pods: [0, 1].map(() => ({ cpu: {}, podRef: {} })) })],
    ['with a string like a pod', JSON.stringify({ node: {}, pods: [pod({ name: '{"podRef":' }), pod({})] })],
  ])('returns the same as JSON.parse for an object %s', (_, text) => {
    expect(parsed(text)).toEqual(JSON.parse(text))
  })

  test.each([
    ['a short', {}],
    ['a long', { interfaces: Array.from({ length: 5000 }, (_, id) => ({ name: `veth${id}`, rxBytes: 1 })) }],
  ])('parses an item after %s beginning when it is reached', (_, node) => {
    const items = '{"podRef":{"uid":"a"}},{"podRef":broken},{"podRef":{"uid":"c"}}'
    const text = `{"node":${JSON.stringify(node)},"pods":[${items}]}`
    const { pods } = parseWithLazyArray(Buffer.from(text), 'pods') as { readonly pods: Iterable<unknown> }
    const each = pods[Symbol.iterator]()
    expect(each.next().value).toEqual(pod({ uid: 'a' }))
    expect(() => each.next()).toThrow(SyntaxError)
  })

  test.each(['', 'text', '{"node":{},"pods":[{"podRef":1},{"podRef":2}'])('throws for %j', (text) => {
    expect(() => parseWithLazyArray(Buffer.from(text), 'pods')).toThrow(SyntaxError)
  })
})
