import { expect, it } from 'vitest'
import { createIngestGate } from './ingest-gate.ts'

it('lets in no more than the limits allow, and forgets what has left', () => {
  const gate = createIngestGate({ requests: 2, bytes: 100 })
  const [first, second] = [gate.enter(), gate.enter()]
  expect(() => gate.enter()).toThrow(/as many requests/)
  gate.hold(first, 60)
  gate.hold(second, 40)
  expect(() => gate.hold(second, 41)).toThrow(/as much data/)
  gate.leave(first)
  gate.leave(first)
  gate.hold(second, 100)
  gate.hold(first, 1000)
  expect(gate.requests).toBe(1)
  gate.leave(second)
  gate.hold(gate.enter(), 100)
  expect(gate.requests).toBe(1)
})
