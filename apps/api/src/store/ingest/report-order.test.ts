import { expect, it } from 'vitest'
import { placeReport } from './report-order.ts'

/** Revisions of reports in order of their arrival, each given as its sequence and the end of its id. */
function revisionsOf(...reports: readonly (readonly [number, string])[]): number[] {
  let newest = { revision: 0, sequence: 0, reportId: '' }
  return reports.map(([sequence, report_id]) => {
    const place = placeReport(newest, { sequence, report_id })
    newest = place.newest
    return place.revision
  })
}

it.each([
  [
    'in order',
    [
      [0, 'a'],
      [1, 'b'],
      [2, 'c'],
    ],
    [1, 2, 3],
  ],
  [
    'with some that were given up',
    [
      [0, 'a'],
      [5, 'b'],
      [6, 'c'],
    ],
    [1, 6, 7],
  ],
  [
    'one of which is late',
    [
      [0, 'a'],
      [1, 'b'],
      [3, 'd'],
      [2, 'c'],
      [4, 'e'],
    ],
    [1, 2, 4, 3, 5],
  ],
  [
    'of a second run',
    [
      [7, 'a'],
      [0, 'b'],
      [1, 'c'],
    ],
    [7, 8, 9],
  ],
  [
    'of a second run whose clock was set back',
    [
      [7, 'm'],
      [0, 'b'],
      [1, 'c'],
    ],
    [7, 8, 9],
  ],
  [
    'of a run whose first one was given up',
    [
      [7, 'a'],
      [2, 'b'],
      [3, 'c'],
    ],
    [7, 8, 9],
  ],
  [
    'with a sequence out of all bounds',
    [
      [Number.MAX_SAFE_INTEGER, 'a'],
      [0, 'b'],
    ],
    [1_000_000, 1_000_001],
  ],
] as const)('counts reports %s', (_name, reports, revisions) => {
  expect(revisionsOf(...reports)).toEqual(revisions)
})
