import { type Duration, toMilliseconds } from '@rca/core'

/** A clock that only a test moves. */
export interface ManualClock {
  now(): Date
  advance(by: Duration): void
  set(to: Date | string): void
}

/** Returns a clock that shows `start` until it is moved. @param start @default 2026-11-22T09:00:00.000Z */
export function manualClock(start: Date | string = '2026-11-22T09:00:00.000Z'): ManualClock {
  let time = new Date(start).getTime()
  return {
    now: () => new Date(time),
    advance: (by) => {
      time += toMilliseconds(by)
    },
    set: (to) => {
      time = new Date(to).getTime()
    },
  }
}
