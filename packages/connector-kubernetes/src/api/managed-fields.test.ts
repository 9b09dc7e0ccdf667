import { expect, test } from 'vitest'
import { parseWithoutManagers } from './managed-fields.ts'

const managedFields = [
  { manager: 'kubectl', fieldsV1: { 'f:x"]': {}, 'k:{"type":"]}],"}': { '.': {} }, 'v:["a\\"]': {}, 'f:ä\\': {} } },
  { manager: '[{"', time: '2026-01-01T00:00:00Z' },
]

test('managed fields are left out, and nothing else is', () => {
  const object = { metadata: { name: 'ä"]', managedFields, labels: { a: '[' } }, spec: [[1], '"managedFields":[{}]'] }
  expect(parseWithoutManagers(JSON.stringify(object))).toEqual({
    ...object,
    metadata: { ...object.metadata, managedFields: [] },
  })
})

test('those of many objects are', () => {
  const objects = Array.from({ length: 3 }, (_, name) => ({ metadata: { name, managedFields }, spec: [name] }))
  const without = objects.map(({ metadata, spec }) => ({ metadata: { ...metadata, managedFields: [] }, spec }))
  expect(parseWithoutManagers(JSON.stringify(objects))).toEqual(without)
  expect(parseWithoutManagers('{"managedFields":[]}')).toEqual({ managedFields: [] })
})

test('a text is no field', () => {
  const object = { a: 'is no "managedFields":[ at all ]', '"managedFields":[': ']' }
  expect(parseWithoutManagers(JSON.stringify(object))).toEqual(object)
})

test('what no server writes is left in', () => {
  const object = { managedFields: [['list']], after: 1 }
  expect(parseWithoutManagers(JSON.stringify(object))).toEqual(object)
})

test('what broke off is no JSON', () => {
  const text = JSON.stringify({ managedFields, after: 1 })
  for (let length = 0; length < text.length; length += 1)
    expect(() => parseWithoutManagers(text.slice(0, length))).toThrow(SyntaxError)
})

test('as many as an object can have are left out', () => {
  const fields = Object.fromEntries(Array.from({ length: 70_000 }, (_, index) => [`f:${index}\\"`, { '.': {} }]))
  const text = JSON.stringify({ metadata: { managedFields: [{ fieldsV1: fields }], name: 'large' } })
  expect(text.length).toBeGreaterThan(1_500_000)
  expect(parseWithoutManagers(text)).toEqual({ metadata: { managedFields: [], name: 'large' } })
  expect(() => parseWithoutManagers(text.slice(0, -30))).toThrow(SyntaxError)
})
