import { describe, expect, test } from 'vitest'
import { type LeaderTerm, type NewestReport, placeBySequence, placeReport, REVISIONS_PER_TERM } from './report-order.ts'

const NONE: NewestReport = { revision: 0, sequence: 0, reportId: '', termId: '' }

describe('placeBySequence', () => {
  /** Returns the revisions of reports in order of arrival, each given as its sequence and its id. */
  function revisionsOf(reports: readonly (readonly [sequence: number, id: string])[]): number[] {
    let newest = NONE
    return reports.map(([sequence, report_id]) => {
      const place = placeBySequence(newest, { sequence, report_id })
      newest = place.newest
      return place.revision
    })
  }

  test.each<[string, [number, string][], number[]]>([
    [
      'numbers reports in order of arrival',
      [
        [0, 'a'],
        [1, 'b'],
        [2, 'c'],
      ],
      [1, 2, 3],
    ],
    [
      'leaves room for dropped reports',
      [
        [0, 'a'],
        [5, 'b'],
        [6, 'c'],
      ],
      [1, 6, 7],
    ],
    [
      'places a late report before the newest',
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
      'continues with a second run',
      [
        [7, 'a'],
        [0, 'b'],
        [1, 'c'],
      ],
      [7, 8, 9],
    ],
    [
      'continues with a second run whose clock was set back',
      [
        [7, 'm'],
        [0, 'b'],
        [1, 'c'],
      ],
      [7, 8, 9],
    ],
    [
      'continues with a run whose first report was dropped',
      [
        [7, 'a'],
        [2, 'b'],
        [3, 'c'],
      ],
      [7, 8, 9],
    ],
    [
      'limits the step of an extreme sequence',
      [
        [Number.MAX_SAFE_INTEGER, 'a'],
        [0, 'b'],
      ],
      [1_000_000, 1_000_001],
    ],
  ])('%s', (_name, reports, revisions) => {
    expect(revisionsOf(reports)).toEqual(revisions)
  })
})

describe('placeReport', () => {
  /** A report: its term, its sequence and its id. `!a` is the heartbeat that starts the term `a`. */
  type Step = readonly [term: string, sequence: number, id: string] | `!${string}`

  /** Returns the revisions of reports in order of arrival. */
  function revisionsOf(steps: readonly Step[]): number[] {
    let newest = NONE
    const terms = new Map<string, LeaderTerm>()
    const endOthers = (id: string, ceiling: number): void => {
      for (const [other, term] of terms)
        if (other !== id && term.ceiling === undefined) terms.set(other, { ...term, ceiling })
    }
    return steps.flatMap((step) => {
      if (typeof step === 'string') {
        const id = step.slice(1)
        const known = terms.get(id) ?? { revision: newest.revision, sequence: 0 }
        terms.set(id, { ...known, ceiling: undefined })
        endOthers(id, newest.revision + REVISIONS_PER_TERM - 1)
        return []
      }
      const [term, sequence, report_id] = step
      const [active = ''] = [...terms].flatMap(([id, { ceiling }]) => (ceiling === undefined ? [id] : []))
      const place = placeReport(newest, terms.get(term), { lead_id: term, sequence, report_id }, active)
      if (place.term !== undefined) terms.set(term, place.term)
      if (place.startsTerm) endOthers(term, place.revision - 1)
      newest = place.newest
      return [place.revision]
    })
  }

  const [a, b] = [REVISIONS_PER_TERM, 2 * REVISIONS_PER_TERM]

  test.each<[string, Step[], number[]]>([
    ['numbers the reports of one term', ['!a', ['a', 0, '1'], ['a', 1, '2'], ['a', 2, '3']], [a, a + 1, a + 2]],
    [
      'places a late report of the current term',
      ['!a', ['a', 0, '1'], ['a', 2, '3'], ['a', 1, '2']],
      [a, a + 2, a + 1],
    ],
    [
      'places reports of an earlier term before the next one',
      ['!a', ['a', 5, '1'], '!b', ['b', 0, '2'], ['a', 6, '3'], ['a', 7, '4'], ['b', 1, '5']],
      [a, b, a + 1, a + 2, b + 1],
    ],
    [
      'places reports of an earlier term between the next one’s heartbeat and its first report',
      ['!a', ['a', 5, '1'], '!b', ['a', 6, '2'], ['b', 0, '3'], ['a', 7, '4']],
      [a, a + 1, b + 1, a + 2],
    ],
    ['places an unknown term before a later one', ['!b', ['b', 0, '2'], ['a', 3, '1']], [a, 0]],
    [
      'places an unknown term before a later one that has sent only a heartbeat',
      ['!a', ['a', 0, '1'], '!c', ['b', 0, '2'], ['c', 0, '3']],
      [a, 0, b],
    ],
    [
      'places the first term of all before the next one, although it is unknown',
      ['!b', ['a', 3, '1'], ['b', 0, '2']],
      [0, a],
    ],
    [
      'starts a term whose heartbeat was lost',
      [
        ['a', 3, '1'],
        ['b', 0, '2'],
        ['a', 4, '3'],
      ],
      [a, b, a + 1],
    ],
    ['starts a term whose clock is behind', ['!b', ['b', 0, '2'], '!a', ['a', 0, '1'], ['b', 1, '3']], [a, b, a + 1]],
    [
      'restarts a term that had ended',
      ['!a', ['a', 0, '1'], '!b', ['b', 0, '2'], '!a', ['a', 1, '3'], ['b', 1, '4']],
      [a, b, b + REVISIONS_PER_TERM, b + 1],
    ],
    [
      'orders an agent without an election beside one with an election',
      [['', 7, '1'], '!a', ['a', 0, '2'], ['', 8, '3'], ['a', 1, '4']],
      [7, 7 + REVISIONS_PER_TERM, 15 + REVISIONS_PER_TERM, 15 + 2 * REVISIONS_PER_TERM],
    ],
  ])('%s', (_name, steps, revisions) => {
    expect(revisionsOf(steps)).toEqual(revisions)
  })
})
