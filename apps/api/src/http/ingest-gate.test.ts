import { describe, expect, test } from 'vitest'
import { createIngestGate, type Ticket } from './ingest-gate.ts'

describe('IngestGate', () => {
  test('admits requests up to its limits, and again after a release', () => {
    const gate = createIngestGate({ requests: 2, bytes: 100, shares: 1 })
    const [first, second] = [gate.enter('a'), gate.enter('a')]
    expect(() => gate.enter('b')).toThrow(/as many requests as it can/)
    gate.hold(first, 60)
    gate.hold(second, 40)
    expect(() => gate.hold(second, 41)).toThrow(/as much data as it can/)
    gate.leave(first)
    gate.leave(first)
    gate.hold(second, 100)
    gate.hold(first, 1000)
    expect(gate.requests).toBe(1)
    gate.leave(second)
    gate.hold(gate.enter('a'), 100)
    expect(gate.requests).toBe(1)
  })

  test('keeps the rest of the limits for other callers', () => {
    const gate = createIngestGate({ requests: 8, bytes: 400, shares: 4 })
    const first = gate.enter('a')
    gate.enter('a')
    expect(() => gate.enter('a')).toThrow(expect.objectContaining({ statusCode: 429 }))
    gate.hold(first, 100)
    expect(() => gate.hold(first, 101)).toThrow(expect.objectContaining({ statusCode: 429 }))
    for (const other of ['b', 'c', 'd']) gate.hold(gate.enter(other), 100)
    gate.leave(first)
    gate.hold(gate.enter('a'), 100)
  })

  test('takes a place for another caller from the one with the most', () => {
    const gate = createIngestGate({ requests: 64, bytes: 100, shares: 4 }, () => 0)
    const aborted: string[] = []
    for (const name of ['a', 'b', 'c', 'd'])
      for (let count = 0; count < 16; count += 1)
        gate.enter(name).abort = ({ statusCode }) => aborted.push(`${name} ${statusCode}`)
    gate.enter('e')
    gate.enter('f')
    expect(aborted).toEqual(['a 503', 'b 503'])
    expect(gate.requests).toBe(64)
  })

  test('ends bodies that stopped arriving when others need their places', () => {
    let now = 0
    const gate = createIngestGate({ requests: 4, bytes: 100, shares: 4 }, () => now)
    const aborted: string[] = []
    const arriving = (name: string): Ticket => {
      const ticket = gate.enter(name)
      ticket.abort = ({ statusCode }) => aborted.push(`${name} ${statusCode}`)
      return ticket
    }
    const tickets = ['a', 'b', 'c', 'd'].map(arriving)
    now = 4900
    gate.hold(tickets[0] as Ticket, 10)
    expect(() => gate.enter('e')).toThrow(/as many requests as it can/)
    now = 5000
    arriving('e')
    expect(aborted).toEqual(['b 408', 'c 408', 'd 408'])
    now = 10_000
    arriving('e')
    expect(aborted).toEqual(['b 408', 'c 408', 'd 408', 'e 408'])
    expect(gate.requests).toBe(2)
  })

  test('admits one request per caller when there are more shares than places', () => {
    const gate = createIngestGate({ requests: 2, bytes: 400, shares: 4 })
    gate.enter('a')
    expect(() => gate.enter('a')).toThrow(expect.objectContaining({ statusCode: 429 }))
    gate.enter('b')
  })
})
