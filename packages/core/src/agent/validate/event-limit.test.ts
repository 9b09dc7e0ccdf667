import { expect, test } from 'vitest'
import { host, signals } from '../../../test/example-connector.ts'
import { createEventLimit } from './event-limit.ts'

const rebooted = signals.rebooted.event({ at: new Date(0), entity: host, body: 'It was restarted.' })

test('EventLimit drops what exceeds a burst, and says so for a minute', () => {
  let time = 0
  const limit = createEventLimit(() => time)
  const take = (count: number): number => limit.take(Array(count).fill(rebooted)).length
  expect([take(9_000), take(2_000), take(5)]).toEqual([9_000, 1_000, 0])
  expect(limit.reason()).toBe('dropped 1005 events: a source may emit 10000 at once, and 200 a second in the long run')
  time += 10_000
  expect(take(2_001)).toBe(2_000)
  time += 59_000
  expect(limit.reason()).toContain('1006')
  time += 1_000
  expect([limit.reason(), take(1)]).toEqual([undefined, 1])
})
