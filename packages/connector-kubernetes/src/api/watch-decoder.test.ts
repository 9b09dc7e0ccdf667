import { describe, expect, test } from 'vitest'
import { createEventReader } from './watch-decoder.ts'

function take(reader: ReturnType<typeof createEventReader>): unknown[] {
  const events: unknown[] = []
  reader.take((event) => events.push(event))
  return events
}

const request = { address: 'https://server', verb: 'watch', group: '', resource: 'pods', namespace: undefined }

const events = [
  { type: 'ADDED', object: { metadata: { name: 'ä🚢\n"' } } },
  { type: 'MODIFIED', object: { text: '€'.repeat(40_000) } },
  { type: 'DELETED', object: { metadata: { name: 'last' } } },
]
const bytes = Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join('\n'))

describe('createEventReader', () => {
  test.each([1, 2, 3, 100, 70_000, 1_000_000])(
    'passes on each event once if they arrive in chunks of %i bytes',
    (size) => {
      const reader = createEventReader(request, JSON.parse)
      const received: unknown[] = []
      for (let at = 0; at < bytes.length; at += size) {
        reader.add(bytes.subarray(at, at + size))
        if (size > 3 || at % 1000 === 0) received.push(...take(reader))
      }
      received.push(...take(reader))
      expect(received).toEqual(events)
      expect(take(reader)).toEqual([])
    },
  )

  test('copies the received bytes', () => {
    const reader = createEventReader(request, JSON.parse)
    const chunk = Buffer.from('{"type":"ADDED","object":1}\n{"type":')
    reader.add(chunk)
    chunk.fill('x')
    expect(take(reader)).toEqual([{ type: 'ADDED', object: 1 }])
    reader.add(Buffer.from('"DELETED"}\n'))
    expect(take(reader)).toEqual([{ type: 'DELETED', object: undefined }])
  })

  test('throws for an event of type ERROR, after the events before it', () => {
    const reader = createEventReader(request, JSON.parse)
    const status = { type: 'ERROR', object: { code: 410, reason: 'Expired', message: 'too old' } }
    reader.add(Buffer.from([events[0], status, events[2]].map((event) => `${JSON.stringify(event)}\n`).join('')))
    const received: unknown[] = []
    expect(() => reader.take((event) => received.push(event))).toThrow('too old')
    expect(received).toEqual([events[0]])
  })

  test.each(['nothing', '{"type":"RENAMED"}', 'null', '[]'])('throws for the line %s', (line) => {
    const reader = createEventReader(request, JSON.parse)
    reader.add(Buffer.from(`${line}\n`))
    expect(() => take(reader)).toThrow('unknown event')
  })

  test('throws for an event that is too large', () => {
    const reader = createEventReader(request, JSON.parse)
    const chunk = Buffer.alloc(9 * 1024 * 1024, 97)
    reader.add(chunk)
    expect(() => reader.add(chunk)).toThrow('larger than')
  })
})
