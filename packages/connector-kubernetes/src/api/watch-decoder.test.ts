import { expect, test } from 'vitest'
import { createEventReader, type EventReader } from './watch-decoder.ts'

function take(reader: EventReader): unknown[] {
  const events: unknown[] = []
  reader.take((event) => events.push(event))
  return events
}

const question = { address: 'https://server', verb: 'watch', group: '', resource: 'pods', namespace: undefined }

const events = [
  { type: 'ADDED', object: { metadata: { name: 'ä🚢\n"' } } },
  { type: 'MODIFIED', object: { text: '€'.repeat(40_000) } },
  { type: 'DELETED', object: { metadata: { name: 'last' } } },
]
const bytes = Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join('\n'))

test.each([1, 2, 3, 100, 70_000, 1_000_000])(
  'events in chunks of %i bytes are told once, each when it is whole',
  (size) => {
    const reader = createEventReader(question, JSON.parse)
    const told: unknown[] = []
    for (let at = 0; at < bytes.length; at += size) {
      reader.add(bytes.subarray(at, at + size))
      if (size > 3 || at % 1000 === 0) told.push(...take(reader))
    }
    told.push(...take(reader))
    expect(told).toEqual(events)
    expect(take(reader)).toEqual([])
  },
)

test('what is kept is a copy', () => {
  const reader = createEventReader(question, JSON.parse)
  const chunk = Buffer.from('{"type":"ADDED","object":1}\n{"type":')
  reader.add(chunk)
  chunk.fill('x')
  expect(take(reader)).toEqual([{ type: 'ADDED', object: 1 }])
  reader.add(Buffer.from('"DELETED"}\n'))
  expect(take(reader)).toEqual([{ type: 'DELETED', object: undefined }])
})

test('an error ends them, and those before it are told', () => {
  const reader = createEventReader(question, JSON.parse)
  const status = { type: 'ERROR', object: { code: 410, reason: 'Expired', message: 'too old' } }
  reader.add(Buffer.from([events[0], status, events[2]].map((event) => `${JSON.stringify(event)}\n`).join('')))
  const told: unknown[] = []
  expect(() => reader.take((event) => told.push(event))).toThrow('too old')
  expect(told).toEqual([events[0]])
})

test.each(['nothing', '{"type":"NEWS"}', 'null', '[]'])('%s is no event', (line) => {
  const reader = createEventReader(question, JSON.parse)
  reader.add(Buffer.from(`${line}\n`))
  expect(() => take(reader)).toThrow('no event')
})

test('a line without an end is given up', () => {
  const reader = createEventReader(question, JSON.parse)
  const chunk = Buffer.alloc(9 * 1024 * 1024, 97)
  reader.add(chunk)
  expect(() => reader.add(chunk)).toThrow('no end')
})
