import { describe, expect, test } from 'vitest'
import { parseWithoutManagers } from './managed-fields.ts'

const managedFields = [
  { manager: 'kubectl', fieldsV1: { 'f:x"]': {}, 'k:{"type":"]}],"}': { '.': {} }, 'v:["a\\"]': {}, 'f:ä\\': {} } },
  { manager: '[{"', time: '2026-01-01T00:00:00Z' },
]

describe('parseWithoutManagers', () => {
  test('leaves out managed fields, and nothing else', () => {
    const object = { metadata: { name: 'ä"]', managedFields, labels: { a: '[' } }, spec: [[1], '"managedFields":[{}]'] }
    expect(parseWithoutManagers(JSON.stringify(object))).toEqual({
      ...object,
      metadata: { ...object.metadata, managedFields: [] },
    })
  })

  test('leaves out those of many objects', () => {
    const objects = Array.from({ length: 3 }, (_, name) => ({ metadata: { name, managedFields }, spec: [name] }))
    const without = objects.map(({ metadata, spec }) => ({ metadata: { ...metadata, managedFields: [] }, spec }))
    expect(parseWithoutManagers(JSON.stringify(objects))).toEqual(without)
    expect(parseWithoutManagers('{"managedFields":[]}')).toEqual({ managedFields: [] })
  })

  test('keeps a string that looks like managed fields', () => {
    const object = { a: 'not "managedFields":[ at all ]', '"managedFields":[': ']' }
    expect(parseWithoutManagers(JSON.stringify(object))).toEqual(object)
  })

  test('keeps managed fields of an unknown format', () => {
    const object = { managedFields: [['list']], after: 1 }
    expect(parseWithoutManagers(JSON.stringify(object))).toEqual(object)
  })

  test('throws for incomplete JSON', () => {
    const text = JSON.stringify({ managedFields, after: 1 })
    for (let length = 0; length < text.length; length += 1)
      expect(() => parseWithoutManagers(text.slice(0, length))).toThrow(SyntaxError)
  })

  test('leaves out as many fields as an object can have', () => {
    const fields = Object.fromEntries(Array.from({ length: 70_000 }, (_, index) => [`f:${index}\\"`, { '.': {} }]))
    const text = JSON.stringify({ metadata: { managedFields: [{ fieldsV1: fields }], name: 'large' } })
    expect(text.length).toBeGreaterThan(1_500_000)
    expect(parseWithoutManagers(text)).toEqual({ metadata: { managedFields: [], name: 'large' } })
    expect(() => parseWithoutManagers(text.slice(0, -30))).toThrow(SyntaxError)
  })
})
