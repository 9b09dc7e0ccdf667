import { describe, expect, test } from 'vitest'
import { host, signals } from '../../../test/example-connector.ts'
import { createSignalValidator, type ValidatedSignals } from '../validate/validate-signals.ts'
import { createEventBuffer, type EventBuffer } from './event-buffer.ts'

const validator = createSignalValidator(signals)
const check = validator.validate

function said(id: string): ValidatedSignals {
  const event = signals.rebooted.event({ id, at: new Date(0), entity: host, body: 'Restarted.' })
  return check({ events: [event], metrics: [signals.load.point(1, host)] })
}

function ids(watched: EventBuffer): (string | undefined)[] {
  return watched.take().flatMap(({ events }) => events.map(({ id }) => id))
}

describe('EventBuffer', () => {
  test('keeps signals until they are taken', () => {
    let now = 0
    const watched = createEventBuffer(() => now)
    watched.add(said('a'))
    now = 1_000_000
    watched.add(said('b'))
    expect(watched.isEmpty()).toBe(false)
    const taken = watched.take()
    expect(taken.map(({ metrics }) => metrics.length)).toEqual([1, 1])
    expect(watched.isEmpty()).toBe(true)
  })

  test('keeps two minutes of signals without metrics on standby', () => {
    let now = 0
    const watched = createEventBuffer(() => now)
    watched.add(said('before'))
    watched.standby()
    now = 60_000
    watched.add(said('a'))
    now = 120_001
    watched.add(said('b'))
    now = 180_001
    watched.activate()
    watched.add(said('c'))
    const taken = watched.take()
    expect(taken.flatMap(({ events }) => events.map(({ id }) => id))).toEqual(['b', 'c'])
    expect(taken.map(({ metrics }) => metrics.length)).toEqual([0, 1])
  })

  test('keeps the newest 5,000 messages on standby', () => {
    const watched = createEventBuffer(() => 0)
    watched.standby()
    for (let count = 0; count < 5003; count += 1) watched.add(said(String(count)))
    const kept = ids(watched)
    expect(kept).toHaveLength(5000)
    expect(kept[0]).toBe('3')
  })
})
