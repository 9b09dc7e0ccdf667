import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { silentLogger } from '../logger.ts'
import { createOutbox, type NewReport, type Outbox, type OutboxEntry } from './outbox.ts'

function entryOf(id: string, bytes: number, hasEvents = false): NewReport {
  const at = `2026-01-23T10:00:0${id.length}.000Z`
  return { id, agentId: 'an-agent', sequence: 0, body: '{}', bytes, at, hasEvents }
}

function memoryOutbox(maxBytes: number): Outbox {
  return createOutbox({ maxBytes, log: silentLogger })
}

const everything = { reports: 1e9, bytes: 1e9 }
const idsOf = (entries: readonly OutboxEntry[]): string[] => entries.map(({ id }) => id)

describe('Outbox', () => {
  test('returns nothing when empty', async () => {
    const outbox = memoryOutbox(100)
    expect(outbox.peek(everything)).toEqual([])
    expect(outbox.state()).toEqual({ reports: 0, bytes: 0, dropped: 0, oldestAt: undefined })
  })

  test('drops the oldest report without events first, then the oldest without metrics, but never the newest', async () => {
    const outbox = memoryOutbox(100)
    expect(await outbox.add(entryOf('event-1', 30, true))).toBe(0)
    await outbox.add(entryOf('plain-1', 30))
    await outbox.add(entryOf('plain-2', 30))
    expect(await outbox.add(entryOf('plain-3', 30))).toBe(1)
    expect(idsOf(outbox.peek(everything))).toEqual(['event-1', 'plain-2', 'plain-3'])
    expect(await outbox.add(entryOf('event-2', 70, true))).toBe(2)
    expect(idsOf(outbox.peek(everything))).toEqual(['event-1', 'event-2'])
    expect(await outbox.add(entryOf('event-3', 30, true))).toBe(1)
    expect(idsOf(outbox.peek(everything))).toEqual(['event-2', 'event-3'])
    expect(outbox.state()).toMatchObject({ reports: 2, bytes: 100, dropped: 4 })
  })

  test('keeps a single report that exceeds the limit', async () => {
    const outbox = memoryOutbox(100)
    await outbox.add(entryOf('small', 10))
    await outbox.add(entryOf('huge', 1000))
    expect(outbox.state()).toMatchObject({ reports: 1, bytes: 1000, dropped: 1 })
  })

  test('returns a batch within the limits, but at least one report', async () => {
    const outbox = memoryOutbox(1000)
    for (const id of ['a', 'b', 'c', 'd']) await outbox.add(entryOf(id, 40))
    expect(idsOf(outbox.peek({ reports: 3, bytes: 1000 }))).toEqual(['a', 'b', 'c'])
    expect(idsOf(outbox.peek({ reports: 100, bytes: 80 }))).toEqual(['a', 'b'])
    expect(idsOf(outbox.peek({ reports: 100, bytes: 1 }))).toEqual(['a'])
  })

  test('knows when the oldest report was collected', async () => {
    const outbox = memoryOutbox(1000)
    const first = entryOf('a', 1)
    await outbox.add(first)
    await outbox.add(entryOf('bb', 1))
    expect(outbox.state().oldestAt).toBe('2026-01-23T10:00:01.000Z')
    await outbox.remove([first])
    expect(outbox.state().oldestAt).toBe('2026-01-23T10:00:02.000Z')
  })

  test('ignores the removal of reports that were dropped meanwhile', async () => {
    const outbox = memoryOutbox(50)
    await outbox.add(entryOf('a', 40))
    const [sent] = outbox.peek(everything)
    await outbox.add(entryOf('b', 40))
    await outbox.remove([sent!])
    await outbox.refuse(sent!, 'refused')
    expect(outbox.state()).toMatchObject({ reports: 1, bytes: 40, dropped: 1 })
  })

  test('keeps consistent counts of reports, bytes and drops', async () => {
    const step = fc.oneof(
      fc.record({
        add: fc.record({ id: fc.integer({ min: 0, max: 30 }).map(String), bytes: fc.nat(60), hasEvents: fc.boolean() }),
      }),
      fc.record({ take: fc.integer({ min: 1, max: 5 }), how: fc.constantFrom('remove', 'refuse') }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const outbox = memoryOutbox(200)
        let added = 0
        let removed = 0
        let dropped = 0
        for (const one of steps) {
          const before = outbox.peek(everything)
          if ('add' in one) {
            const { id, bytes, hasEvents } = one.add
            const replaced = before.some((entry) => entry.id === id) ? 1 : 0
            dropped += await outbox.add(entryOf(id, bytes, hasEvents))
            added += 1 - replaced
          } else {
            const taken = outbox.peek({ reports: one.take, bytes: 1e9 })
            if (one.how === 'remove') await outbox.remove(taken)
            else for (const entry of taken) await outbox.refuse(entry, 'refused')
            if (one.how === 'refuse') dropped += taken.length
            else removed += taken.length
          }
          const held = outbox.peek(everything)
          const bytes = held.reduce((sum, entry) => sum + entry.bytes, 0)
          expect(outbox.state()).toMatchObject({ reports: held.length, bytes, dropped })
          expect(added).toBe(held.length + removed + dropped)
          expect(bytes <= 200 || held.length === 1).toBe(true)
        }
      }),
    )
  })
})
