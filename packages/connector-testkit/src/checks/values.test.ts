import { type Metric, metric } from '@rca/core/connector'
import { expect, test } from 'vitest'
import type { Rehearsal } from '../rehearsal.ts'
import { fallenCounters } from './values.ts'

const requests = metric({ name: 'requests', unit: '{request}', kind: 'counter', description: 'Requests.' })
const at = new Date('2026-11-30T12:00:00Z')

/** Returns findings about rounds of one collector, each with the points of a counter. */
function findings(...rounds: readonly (readonly [value: number, minute?: number])[][]): string[] {
  const pointsOf = (round: readonly (readonly [number, number?])[]) =>
    round.map(([value, minute]) => {
      const time = minute === undefined ? undefined : new Date(at.getTime() + minute * 60_000)
      return requests.point(value, { type: 'server', id: 's' }, {}, time) as Metric
    })
  const connection = { rounds: rounds.map((round) => new Map([['usage', { signals: { metrics: pointsOf(round) } }]])) }
  return fallenCounters({ connections: [connection] } as unknown as Pick<Rehearsal, 'connections'>)
}

test('a counter falls by the time of its points, not by their order', () => {
  expect(findings([[5]], [[4]])).toEqual(['the counter `requests` fell from 5 to 4'])
  expect(findings([[5, 0]], [[4, 1]])).toEqual(['the counter `requests` fell from 5 to 4'])
  // The earlier minute is corrected.
  expect(
    findings(
      [
        [5, 0],
        [9, 1],
      ],
      [
        [6, 0],
        [9, 1],
        [12, 2],
      ],
    ),
  ).toEqual([])
})
