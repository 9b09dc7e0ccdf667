import { describe, expect, test } from 'vitest'
import { createEngineClock } from './engine-clock.ts'

const asked = Date.parse('2026-11-25T12:00:00.000Z')

/** Compares the clocks by an answer that takes 200 ms. */
function measured(systemTime: string | undefined): number {
  const clock = createEngineClock()
  clock.measure(systemTime, asked, asked + 200)
  expect(clock.toEngineTime(new Date(asked)).getTime()).toBe(asked + clock.offsetMs())
  return clock.offsetMs()
}

describe('EngineClock', () => {
  test.each<[string, string | undefined, number]>([
    ['the same clock', '2026-11-25T12:00:00.123456789Z', 0],
    ['a clock of the same machine after a slow answer', '2026-11-25T11:59:58.500Z', 0],
    ['a clock that is ten minutes behind', '2026-11-25T11:50:00.100Z', -600_000],
    ['a clock that is an hour ahead, in another time zone', '2026-11-25T15:00:00.100+02:00', 3_600_000],
    ['an engine that sends no time', undefined, 0],
    ['an engine that sends an unreadable time', 'soon', 0],
  ])('measures %s', (_name, systemTime, offset) => {
    expect(measured(systemTime)).toBe(offset)
  })

  test('keeps the offset until the next time of the engine', () => {
    const clock = createEngineClock()
    clock.measure('2026-11-25T11:50:00.000Z', asked, asked)
    clock.measure(undefined, asked, asked)
    expect(clock.offsetMs()).toBe(-600_000)
    clock.measure('2026-11-25T12:00:00.000Z', asked, asked)
    expect(clock.offsetMs()).toBe(0)
  })
})
