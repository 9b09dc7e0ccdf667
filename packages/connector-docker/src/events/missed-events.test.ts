import { describe, expect, test } from 'vitest'
import { changed } from '../../test/engine-events.ts'
import { captured, engineNames } from '../../test/fixtures.ts'
import type { ContainerDetails } from '../engine/engine-api.ts'
import { createEventHistory, type EventHistory } from './event-history.ts'
import { inferMissedEvents, wasInferred } from './missed-events.ts'

const midnight = Date.parse('2026-11-25T00:00:00.000Z')

const ended = changed(captured().container('crashed'), {
  id: 'ended',
  name: 'job',
  image: 'job:1',
  labels: { 'com.docker.compose.project': 'shop' },
  created: '2026-11-25T00:00:01.100000001Z',
  state: { startedAt: '2026-11-25T00:00:02.2Z', finishedAt: '2026-11-25T00:00:03.333333333Z', exitCode: 3 },
})

/** Returns the inferred events as `time action actor`. */
function infer(
  found: readonly ContainerDetails[],
  { history = createEventHistory(), since = midnight, known = [] as readonly string[] } = {},
): string[] {
  const now = new Date('2026-11-25T01:00:00.000Z')
  const events = inferMissedEvents(history, since, { known, found, lastKnown: () => undefined, now })
  return events.map(({ timeNano, action, actor }) => `${timeNano} ${action} ${actor}`)
}

/** Returns a history in which an event of a container was reported, in milliseconds after midnight. */
function reportedAt(milliseconds: number, milestone: 'create' | 'start' | 'die' = 'start'): EventHistory {
  const history = createEventHistory()
  history.ofContainer('ended').reported[milestone] = { at: midnight + milliseconds, isInferred: false }
  return history
}

describe('inferMissedEvents', () => {
  test("infers events from the containers' timestamps, in order and to the nanosecond", () => {
    const events = inferMissedEvents(createEventHistory(), midnight, {
      known: [],
      found: [
        changed(ended, { id: 'other', created: '2026-11-25T00:00:02.9Z', state: { startedAt: undefined } }),
        ended,
      ],
      lastKnown: () => undefined,
      now: new Date(0),
    })
    expect(events.map(({ timeNano, action, actor }) => `${timeNano} ${action} ${actor}`)).toEqual([
      '1795564801100000001 create ended',
      '1795564802200000000 start ended',
      '1795564802900000000 create other',
      '1795564803333333333 die other',
      '1795564803333333333 die ended',
    ])
    expect(events.at(-1)).toEqual({
      type: 'container',
      action: 'die',
      actor: 'ended',
      attributes: { 'com.docker.compose.project': 'shop', name: 'job', image: 'job:1', exitCode: '3' },
      timeNano: '1795564803333333333',
      isInferred: true,
    })
  })

  test('ignores times before the start', () => {
    expect(infer([ended], { since: midnight + 1100 })).toEqual([
      '1795564802200000000 start ended',
      '1795564803333333333 die ended',
    ])
    expect(infer([ended], { since: midnight + 60_000 })).toEqual([])
  })

  test.each([
    ['slightly later', 2206, false],
    ['at the same time', 2200, false],
    ['slightly earlier, after a clock adjustment', 2190, false],
    ['long before, for an earlier run', 1200, true],
    ['long after, for a newer run', 60_000, false],
  ])('does not repeat an event that was reported %s', (_when, milliseconds, isInferred) => {
    const inferred = infer([ended], { history: reportedAt(milliseconds) })
    expect(inferred.some((event) => event.includes('start'))).toBe(isInferred)
  })

  test.each([
    ['of this run', 2500, false],
    ['of an earlier run', 2100, true],
  ])('infers no second end of a run after an end %s was reported', (_which, milliseconds, isInferred) => {
    const inferred = infer([ended], { history: reportedAt(milliseconds, 'die') })
    expect(inferred.some((event) => event.includes('die'))).toBe(isInferred)
  })

  test('infers the removal of a container with its last name, unless it was reported', () => {
    const history = createEventHistory()
    history.ofContainer('reported')
    history.remove('reported')
    const events = inferMissedEvents(history, midnight, {
      known: ['removed', 'unknown', 'reported', 'ended'],
      found: [changed(ended, { created: '', state: { startedAt: undefined, finishedAt: undefined } })],
      lastKnown: (id) => (id === 'removed' ? changed(ended, { name: 'was-here' }) : undefined),
      now: new Date('2026-11-25T01:00:00.000Z'),
    })
    expect(events.map(({ action, actor, attributes, timeNano }) => [action, actor, attributes.name, timeNano])).toEqual(
      [
        ['destroy', 'removed', 'was-here', '1795568400000000000'],
        ['destroy', 'unknown', undefined, '1795568400000000000'],
      ],
    )
  })

  test('infers nothing for a container whose removal was reported, although it was still listed', () => {
    const history = createEventHistory()
    history.remove('ended')
    expect(infer([ended], { history, known: ['ended'] })).toEqual([])
  })
})

describe('wasInferred', () => {
  const history = (): EventHistory => {
    const made = createEventHistory()
    made.ofContainer('ended').reported.start = { at: midnight + 2200, isInferred: true }
    return made
  }

  test('is true for an end that the engine sends long afterwards, until the next start', () => {
    const container = createEventHistory().ofContainer('ended')
    container.reported.die = { at: midnight + 2200, isInferred: true }
    container.reported.start = { at: midnight + 2300, isInferred: false }
    expect(wasInferred(container, 'die', midnight + 60_000)).toBe(false)
    container.reported.start = { at: midnight + 1000, isInferred: false }
    expect(wasInferred(container, 'die', midnight + 60_000)).toBe(true)
  })

  test('is true once for a late event', () => {
    const container = history().ofContainer('ended')
    expect(wasInferred(container, 'start', midnight + 2210)).toBe(true)
    expect(wasInferred(container, 'start', midnight + 2400)).toBe(false)
  })

  test.each([
    ['an event of another kind', 'die' as const, 2210],
    ['an event of a later run', 'start' as const, 8000],
    ['an event of an earlier run', 'start' as const, 100],
  ])('is false for %s', (_name, milestone, milliseconds) => {
    expect(wasInferred(history().ofContainer('ended'), milestone, midnight + milliseconds)).toBe(false)
  })

  test('is false without an inferred event', () => {
    expect(wasInferred(reportedAt(2200).ofContainer('ended'), 'start', midnight + 2210)).toBe(false)
  })
})

/** Returns the history after all events of the engine. */
function historyOf(name: string): EventHistory {
  const history = createEventHistory()
  for (const { type, action, actor, timeNano } of captured(name).events()) {
    if (type === 'container' && (action === 'create' || action === 'start' || action === 'die'))
      history.ofContainer(actor).reported[action] = { at: Number(BigInt(timeNano) / 1_000_000n), isInferred: false }
  }
  return history
}

test.each(engineNames)('inferMissedEvents infers nothing after a complete stream of %s', (name) => {
  const of = captured(name)
  const since = Date.parse('2026-01-01T00:00:00.000Z')
  expect(infer(of.containers(), { history: historyOf(name), since })).toEqual([])
  // Without reported events, everything is inferred from the containers.
  expect(infer(of.containers(), { since }).length).toBeGreaterThan(of.containers().length)
})
