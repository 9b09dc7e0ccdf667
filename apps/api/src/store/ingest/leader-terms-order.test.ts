import { expect, it } from 'vitest'
import { type Lead, type NewestLed, placeLed, ROOM } from './leader-terms-order.ts'

/** A report: its lead, its sequence and its id. `!a` is the heartbeat with which the lead `a` begins. */
type Said = readonly [lead: string, sequence: number, id: string] | `!${string}`

/** Revisions of reports in order of their arrival. */
function revisionsOf(...all: readonly Said[]): number[] {
  let newest: NewestLed = { revision: 0, sequence: 0, reportId: '', lead: '' }
  const leads = new Map<string, Lead>()
  const endOthers = (id: string, ceiling: number): void => {
    for (const [other, lead] of leads)
      if (other !== id && lead.ceiling === undefined) leads.set(other, { ...lead, ceiling })
  }
  return all.flatMap((said) => {
    if (typeof said === 'string') {
      const id = said.slice(1)
      const known = leads.get(id) ?? { revision: newest.revision, sequence: 0 }
      leads.set(id, { ...known, ceiling: undefined })
      endOthers(id, newest.revision + ROOM - 1)
      return []
    }
    const [lead, sequence, report_id] = said
    const [leading = ''] = [...leads].flatMap(([id, { ceiling }]) => (ceiling === undefined ? [id] : []))
    const place = placeLed(newest, leads.get(lead), { lead_id: lead, sequence, report_id }, leading)
    if (place.lead !== undefined) leads.set(lead, place.lead)
    if (place.takesOver) endOthers(lead, place.revision - 1)
    newest = place.newest
    return [place.revision]
  })
}

const [a, b] = [ROOM, 2 * ROOM]

it.each<[string, Said[], number[]]>([
  ['of one lead', ['!a', ['a', 0, '1'], ['a', 1, '2'], ['a', 2, '3']], [a, a + 1, a + 2]],
  ['of which one is late', ['!a', ['a', 0, '1'], ['a', 2, '3'], ['a', 1, '2']], [a, a + 2, a + 1]],
  [
    'of an earlier lead after the next has begun',
    ['!a', ['a', 5, '1'], '!b', ['b', 0, '2'], ['a', 6, '3'], ['a', 7, '4'], ['b', 1, '5']],
    [a, b, a + 1, a + 2, b + 1],
  ],
  [
    'of an earlier lead between the next one’s heartbeat and its first report',
    ['!a', ['a', 5, '1'], '!b', ['a', 6, '2'], ['b', 0, '3'], ['a', 7, '4']],
    [a, a + 1, b + 1, a + 2],
  ],
  ['of a lead that was never heard of, after a later one', ['!b', ['b', 0, '2'], ['a', 3, '1']], [a, 0]],
  [
    'of a lead that was never heard of, after the heartbeat of a later one and before its first report',
    ['!a', ['a', 0, '1'], '!c', ['b', 0, '2'], ['c', 0, '3']],
    [a, 0, b],
  ],
  [
    'of the first lead of all, which was never heard of, after the heartbeat of the next',
    ['!b', ['a', 3, '1'], ['b', 0, '2']],
    [0, a],
  ],
  [
    'of a lead whose heartbeat did not arrive',
    [
      ['a', 3, '1'],
      ['b', 0, '2'],
      ['a', 4, '3'],
    ],
    [a, b, a + 1],
  ],
  ['of a lead whose clock is behind', ['!b', ['b', 0, '2'], '!a', ['a', 0, '1'], ['b', 1, '3']], [a, b, a + 1]],
  [
    'of a lead that was believed to be over',
    ['!a', ['a', 0, '1'], '!b', ['b', 0, '2'], '!a', ['a', 1, '3'], ['b', 1, '4']],
    [a, b, b + ROOM, b + 1],
  ],
  [
    'of an agent that knows no election yet, beside one that does',
    [['', 7, '1'], '!a', ['a', 0, '2'], ['', 8, '3'], ['a', 1, '4']],
    [7, 7 + ROOM, 15 + ROOM, 15 + 2 * ROOM],
  ],
])('counts reports %s', (_name, said, revisions) => {
  expect(revisionsOf(...said)).toEqual(revisions)
})
