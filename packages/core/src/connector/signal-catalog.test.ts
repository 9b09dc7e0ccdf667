import { describe, expect, expectTypeOf, test } from 'vitest'
import { createSignalValidator } from '../agent/validate/validate-signals.ts'
import { entity, event, metric } from './signal-catalog.ts'
import { mergeSignals } from './signals.ts'

const disk = entity({ type: 'disk', description: 'A disk.', attributes: { model: 'Its model.', size: 'Its size.' } })
const usage = metric({
  name: 'disk.usage',
  unit: 'By',
  kind: 'updowncounter',
  description: 'Bytes in use.',
  attributes: { state: 'Used or free.' },
})
const failed = event({ name: 'disk.failed', severity: 'error', description: 'A disk failed.' })
const sda = disk.reference('sda')

describe('metric', () => {
  test('adds the declared name, unit and kind', () => {
    expect(usage.point(5, sda, { state: 'used' })).toEqual({
      name: 'disk.usage',
      value: 5,
      unit: 'By',
      kind: 'updowncounter',
      entity: { type: 'disk', id: 'sda' },
      attributes: { state: 'used' },
    })
  })

  test('returns undefined for a value that could not be read, and never 0', () => {
    expect(usage.point(undefined, sda)).toBeUndefined()
    expect(usage.point(0, sda)?.value).toBe(0)
    expect(usage.point(1, sda, { state: undefined })?.attributes).toEqual({})
  })

  test('shares entities and frozen attributes between consecutive points', () => {
    const used = Object.freeze({ state: 'used' })
    const [one, other] = [usage.point(1, sda, used), usage.point(2, disk.entity({ id: 'sda' }), used)]
    expect(one?.entity).toBe(other?.entity)
    expect(one?.attributes).toBe(used)
    expect(usage.point(1, disk.reference('sdb'))?.entity).toEqual({ type: 'disk', id: 'sdb' })
    expect(usage.point(1, sda)?.entity).toEqual(sda)
    // Mutable attributes are copied. `undefined` values of frozen attributes are omitted too.
    const open = { state: 'used' }
    expect(usage.point(1, sda, open)?.attributes).not.toBe(open)
    expect(usage.point(1, sda, Object.freeze({ state: undefined }))?.attributes).toEqual({})
  })

  test('accepts only declared attributes', () => {
    expectTypeOf(usage.point)
      .parameter(2)
      .toEqualTypeOf<{ readonly state?: string | number | boolean | readonly string[] | undefined } | undefined>()
  })
})

describe('entity', () => {
  test('uses the id as the default name, and is a valid reference', () => {
    const described = disk.entity({ id: 'sda', attributes: { model: undefined, size: 3 } })
    expect(described).toEqual({ type: 'disk', id: 'sda', name: 'sda', attributes: { size: 3 }, relations: [] })
    expect(disk.entity({ id: 'sda', name: 'Main disk' }).name).toBe('Main disk')
    expect(usage.point(1, described)?.entity).toEqual(sda)
  })
})

describe('event', () => {
  test('uses the declared severity by default', () => {
    const at = new Date('2026-01-23T10:00:00.000Z')
    const occurrence = { at, entity: sda, body: 'The disk failed.' }
    expect(failed.event(occurrence)).toEqual({
      name: 'disk.failed',
      at: '2026-01-23T10:00:00.000Z',
      severity: 'error',
      entity: sda,
      body: 'The disk failed.',
      attributes: {},
    })
    expect(failed.event({ ...occurrence, id: 'e1', severity: 'critical' })).toMatchObject({
      id: 'e1',
      severity: 'critical',
    })
  })

  test('is dropped alone if its time is invalid', () => {
    const events = [
      failed.event({ at: new Date(Number.NaN), entity: sda, body: 'When?' }),
      failed.event({ at: new Date(0), entity: sda, body: 'Then.' }),
    ]
    const { events: kept, problems } = createSignalValidator({ failed }).validate({ events })
    expect(kept.map((one) => one.body)).toEqual(['Then.'])
    expect(problems).toEqual(['the event `disk.failed` has an `at` that is not an ISO 8601 time in UTC'])
  })
})

describe('mergeSignals', () => {
  test('concatenates the lists of several signals', () => {
    const gap = { scope: 'disk:sdb', reason: 'no permission' }
    expect(mergeSignals([{ metrics: [undefined] }, { gaps: [gap] }, {}])).toEqual({
      entities: [],
      metrics: [undefined],
      events: [],
      gaps: [gap],
    })
  })
})
