import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { host, signals } from '../../../test/example-connector.ts'
import { entity, metric } from '../../connector/signal-catalog.ts'
import type { Signals } from '../../connector/signals.ts'
import { runToEnd } from '../../event-loop.ts'
import { LIMITS, type Report, reportSchema } from '../../platform/protocol.ts'
import { createSignalValidator } from './validate-signals.ts'

const validator = createSignalValidator(signals)
const check = validator.validate
const at = new Date('2026-01-23T10:00:00.000Z')

const point = signals.load.point(1, host)!
const described = signals.host.entity({ id: 'host-1', relations: [{ type: 'runs_on', target: host }] })
const happened = signals.rebooted.event({ id: 'boot-1', at, entity: host, body: 'It was restarted.' })
const gap = { scope: 'filesystem:/mnt', reason: 'no permission' }

function problemOf(said: unknown): string | undefined {
  const { entities, metrics, events, gaps, problems } = check(said as Signals)
  expect([...entities, ...metrics, ...events, ...gaps]).toEqual([])
  expect(problems).toHaveLength(1)
  return problems[0]
}

describe('SignalValidator', () => {
  test('accepts declared signals and skips `undefined` ones', () => {
    const said = {
      entities: [described, undefined],
      metrics: [point, undefined],
      events: [undefined, happened],
      gaps: [gap, undefined, { ...gap, since: at.toISOString() }],
    }
    expect(check(said)).toEqual({
      entities: [described],
      metrics: [point],
      events: [happened],
      gaps: [gap, { ...gap, since: at.toISOString() }],
      unread: [],
      problems: [],
    })
  })

  test('keeps the time of a point, and leaves out one too far in the future or the past', () => {
    const { validate } = createSignalValidator(signals, undefined, () => at)
    const dated = (offsetMs: number) => signals.load.point(1, host, {}, new Date(at.getTime() + offsetMs))
    const day = 86_400_000
    const kept = [dated(300_000), dated(-7 * day)]
    const said = { metrics: [...kept, point, dated(300_001), dated(-7 * day - 1), dated(Number.NaN)] }
    expect(validate(said)).toMatchObject({
      metrics: [{ at: '2026-01-23T10:05:00.000Z' }, { at: '2026-01-16T10:00:00.000Z' }, point],
      problems: [
        "the metric `host.load` has an `at` more than 5 minutes ahead of this machine's clock",
        'the metric `host.load` has an `at` more than 7 days ago',
        'the metric `host.load` has an `at` that is not an ISO 8601 time in UTC',
      ],
    })
    expect(validate(said).metrics[2]).not.toHaveProperty('at')
  })

  test('validates a copy of a list that the connector changes meanwhile', () => {
    const entities = ['a', 'b', 'c'].map((id) => signals.host.entity({ id }))
    const steps = validator.forCollector()({ entities })
    steps.next()
    entities.splice(0, 2)
    let step = steps.next()
    while (step.done !== true) step = steps.next()
    expect(step.value.entities.map(({ id }) => id)).toEqual(['a', 'b', 'c'])
  })

  test('accepts parts that could not be read, of declared types', () => {
    const said = {
      unread: [{ type: 'host', id: 'a' }, { type: 'host' }, undefined, { type: 'disk' }, { type: 'host', id: 5 }],
    }
    expect(check(said as Signals)).toMatchObject({
      unread: [{ type: 'host', id: 'a' }, { type: 'host' }],
      problems: ['`unread` has the undeclared entity type `disk`', '`unread` has an id that is not a string'],
    })
  })

  test('leaves out a counter with a negative value', () => {
    const sent = metric({ name: 'sent', unit: 'By', kind: 'counter', description: 'Bytes sent.' })
    const { validate } = createSignalValidator({ host: signals.host, sent })
    expect(validate({ metrics: [sent.point(-1, host), sent.point(0, host)] })).toMatchObject({
      metrics: [{ value: 0 }],
      problems: ['the metric `sent` is a counter with a negative value, of `host/host-1`'],
    })
  })

  test('counts points without a finite value, and names the entity of the first, without secrets', () => {
    const named = { type: 'host', id: 'hunter2-b' }
    const { validate } = createSignalValidator(signals, (text) => text.replaceAll('hunter2', '[redacted]'))
    const wrong = [Number.NaN, Number.NEGATIVE_INFINITY, '1'].map((value) => ({ ...point, value, entity: named }))
    const problem = 'the metric `host.load` has a value that is not a finite number'
    expect(validate({ metrics: wrong } as Signals).problems).toEqual([
      `${problem}: 3 points, the first of \`host/[redacted]-b\``,
    ])
  })

  test.each([{}, { metrics: undefined }, { metrics: null }])('accepts %j as an empty result', (said) => {
    expect(check(said as Signals)).toEqual({
      entities: [],
      metrics: [],
      events: [],
      gaps: [],
      unread: [],
      problems: [],
    })
  })

  test.each([
    [undefined, 'it returned undefined instead of signals'],
    [null, 'it returned null instead of signals'],
    ['text', 'it returned string instead of signals'],
    [[point], 'it returned an array instead of signals'],
    [{ metric: [point] }, 'it returned the unknown field `metric` (known: entities, metrics, events, gaps, unread)'],
    [{ metrics: point }, '`metrics` must be a list'],
    [{ metrics: [5] }, '`metrics` contains something that is not an object'],
    [{ metrics: [null] }, '`metrics` contains something that is not an object'],
  ])('rejects %j: %s', (said, problem) => {
    expect(problemOf(said)).toBe(problem)
  })

  test.each([
    [{ name: 'host.other' }, 'the metric `host.other` is not declared in `signals`'],
    [{ unit: 's' }, 'the metric `host.load` has another unit or kind than declared'],
    [{ kind: 'counter' }, 'the metric `host.load` has another unit or kind than declared'],
    [{ value: Number.NaN }, 'the metric `host.load` has a value that is not a finite number, of `host/host-1`'],
    [
      { value: Number.POSITIVE_INFINITY },
      'the metric `host.load` has a value that is not a finite number, of `host/host-1`',
    ],
    [{ value: '5' }, 'the metric `host.load` has a value that is not a finite number, of `host/host-1`'],
    [{ entity: undefined }, 'the metric `host.load` has no entity'],
    [{ entity: { type: '', id: '1' } }, 'the metric `host.load` references an entity without a valid type'],
    [{ entity: { type: 'host', id: '' } }, 'whose id is empty, too long or not a string'],
    [{ attributes: undefined }, 'the metric `host.load` has no attributes'],
    [{ attributes: ['a'] }, 'the metric `host.load` has no attributes'],
    [{ attributes: { a: null } }, 'has an attribute `a` that is not a string'],
    [{ attributes: { a: Number.NaN } }, 'has an attribute `a` that is not a string'],
    [{ attributes: { a: ['x', 1] } }, 'has an attribute `a` that is not a string'],
    // biome-ignore lint/suspicious/noSparseArray: a hole is what is tested
    [{ attributes: { a: ['x', , 'y'] } }, 'has an attribute `a` that is not a string'],
    [{ attributes: { '': 'x' } }, 'has the attribute ``, which is not declared'],
    [{ attributes: { ['x'.repeat(LIMITS.name + 1)]: 'x' } }, 'which is not declared'],
  ])('leaves out a point with %j', (wrong, problem) => {
    expect(problemOf({ metrics: [{ ...point, ...wrong }] })).toContain(problem)
  })

  test.each([
    [{ type: 'container' }, 'the entity type `container` is not declared in `signals`'],
    [{ type: undefined }, 'the entity type `undefined` is not declared in `signals`'],
    [{ id: 5 }, 'whose id is empty, too long or not a string'],
    [{ name: undefined }, 'an entity of type `host` has no name'],
    [{ relations: undefined }, 'an entity of type `host` has no list of relations'],
    [{ relations: [null] }, 'an entity of type `host` has a relation without a type'],
    [{ relations: [{ type: 'x', target: host }] }, 'has the relation `x`, which is not declared'],
    [{ relations: [{ type: 'runs_on' }] }, 'an entity of type `host` has a relation `runs_on` that has no entity'],
    [{ relations: Array(4097).fill({ type: 'runs_on', target: host }) }, 'has more than 4096 relations'],
  ])('leaves out an entity with %j', (wrong, problem) => {
    expect(problemOf({ entities: [{ ...described, ...wrong }] })).toContain(problem)
  })

  test.each([
    [{ name: 'host.exploded' }, 'the event `host.exploded` is not declared in `signals`'],
    [{ at: '2026-01-23' }, 'has an `at` that is not an ISO 8601 time in UTC'],
    [{ at: '2026-01-23T10:00:00+01:00' }, 'has an `at` that is not an ISO 8601 time in UTC'],
    [{ at: '2026-02-30T10:00:00Z' }, 'has an `at` that is not an ISO 8601 time in UTC'],
    [{ at }, 'has an `at` that is not an ISO 8601 time in UTC'],
    [{ severity: 'fatal' }, 'has the unknown severity `fatal`'],
    [{ body: undefined }, 'has no body'],
    [{ id: '' }, 'has an id that is empty'],
    [{ entity: null }, 'has no entity'],
  ])('leaves out an event with %j', (wrong, problem) => {
    expect(problemOf({ events: [{ ...happened, ...wrong }] })).toContain(problem)
  })

  test.each([
    [{ scope: '' }, 'a gap has no valid scope'],
    [{ reason: undefined }, 'has no reason'],
    [{ since: 'yesterday' }, 'has a `since` that is not an ISO 8601 time in UTC'],
  ])('leaves out a gap with %j', (wrong, problem) => {
    expect(problemOf({ gaps: [{ ...gap, ...wrong }] })).toContain(problem)
  })

  test('keeps the valid elements of a list', () => {
    const { metrics, problems } = check({ metrics: [point, { ...point, value: Number.NaN }, point] })
    expect(metrics).toEqual([point, point])
    expect(problems).toHaveLength(1)
  })

  test('validates an entity object only once', () => {
    const again = validator.forCollector()
    const entities = ['a', 'b', 'c'].map((id) => signals.host.entity({ id }))
    const said = (list: readonly unknown[]) => runToEnd(again({ entities: list } as Signals))
    const first = said(entities)
    expect(first.entities).toEqual(entities)
    expect(said([...entities]).entities).toBe(first.entities)
    const other = signals.host.entity({ id: 'd' })
    const next = said([entities[0], other, entities[2]]).entities
    expect(next).toEqual([entities[0], other, entities[2]])
    expect(next[0]).toBe(first.entities[0])
    // At another index, since an entity was removed.
    expect(said([other, entities[2]]).entities).toEqual([other, entities[2]])
    expect(said([other, entities[2]]).entities[1]).toBe(first.entities[2])
  })

  test('reports the problem of an invalid entity in every run', () => {
    const again = validator.forCollector()
    const entities = [described, { ...described, id: '' }]
    for (let run = 0; run < 2; run += 1) {
      const { entities: kept, problems } = runToEnd(again({ entities }))
      expect(kept).toEqual([described])
      expect(problems).toHaveLength(1)
    }
  })

  test('copies a frozen entity once and a mutable one for every point', () => {
    const frozen = [1, 2].map((value) => ({ ...point, value, entity: Object.freeze(host) }))
    const [first, second] = check({ metrics: frozen }).metrics
    expect(first?.entity).toEqual(host)
    expect(second?.entity).toBe(first?.entity)
    const changing = { type: host.type, id: 'a' }
    const said = [1, 2].map((value) => ({ ...point, value, entity: changing }))
    expect(check({ metrics: said }).metrics.map(({ entity: { id } }) => id)).toEqual(['a', 'a'])
    changing.id = 'b'
    expect(check({ metrics: said }).metrics.map(({ entity: { id } }) => id)).toEqual(['b', 'b'])
  })

  test('reports equal problems once, and at most 50 different ones', () => {
    const many = Array.from({ length: 1000 }, (_, index) => ({ ...point, name: `other.${index}` }))
    expect(check({ metrics: Array(1000).fill({ ...point, value: Number.NaN }) as never }).problems).toHaveLength(1)
    expect(check({ metrics: many }).problems).toHaveLength(50)
  })

  test('truncates long texts without leaving half a secret', () => {
    const redacting = createSignalValidator(signals, (text) => text.replaceAll('hunter2', '[redacted]')).validate
    const body = `${'x'.repeat(LIMITS.body - 4)}hunter2`
    const [event] = redacting({ events: [{ ...happened, body }] }).events
    expect(event?.body).toHaveLength(LIMITS.body)
    expect(event?.body).not.toContain('hun')
    const [kept] = redacting({ gaps: [{ ...gap, reason: `${'x'.repeat(LIMITS.reason - 4)}hunter2` }] }).gaps
    expect(kept?.reason).toHaveLength(LIMITS.reason)
    const { problems } = redacting({ metrics: [{ ...point, name: `${'x'.repeat(97)}hunter2` }] })
    expect(problems[0]).not.toContain('hun')
  })

  describe('redacts secrets', () => {
    const catalog = {
      host: entity({
        type: 'host',
        description: 'A host.',
        attributes: { note: 'A note.', list: 'Notes.', 'host.label.*': 'Labels.' },
      }),
    }
    const redacting = createSignalValidator(catalog)
    const attributesOf = (attributes: object): unknown =>
      redacting.validate({
        entities: [{ type: 'host', id: '1', name: 'h', attributes: attributes as never, relations: [] }],
      }).entities[0]?.attributes

    test('in attributes and their elements', () => {
      const source = 'https://gitlab-ci-token:canary-1@gitlab.test/shop/web.git'
      expect(attributesOf({ note: source, list: [source, 'PATH'], 'host.label.note': 'password=canary-2' })).toEqual({
        note: 'https://gitlab-ci-token:[redacted]@gitlab.test/shop/web.git',
        list: ['https://gitlab-ci-token:[redacted]@gitlab.test/shop/web.git', 'PATH'],
        'host.label.note': 'password=[redacted]',
      })
    })

    test('in labels with a secret name', () => {
      const labels = {
        'host.label.db-password': 'canary-3',
        'host.label.secret-name': 'creds',
        'host.label.key': 'a-1',
      }
      expect(attributesOf(labels)).toEqual({ ...labels, 'host.label.db-password': '[redacted]' })
    })

    test('in bodies, names and reasons', () => {
      const said = 'mount: username=app,password=canary-4: denied'
      const { events, gaps, entities } = check({
        entities: [{ ...described, name: said }],
        events: [{ ...happened, body: said }],
        gaps: [{ ...gap, reason: said }],
      } as Signals)
      const left = 'mount: username=app,password=[redacted]: denied'
      expect([events[0]?.body, gaps[0]?.reason, entities[0]?.name]).toEqual([left, left, left])
    })

    test('in texts that are too long, before they are cut', () => {
      const tail = 'x'.repeat(LIMITS.attribute)
      const note = (attributesOf({ note: `${'password=canary-5 '.repeat(2_000)}${tail}` }) as { note: string }).note
      expect(note).not.toContain('canary')
      expect(note).toHaveLength(LIMITS.attribute)
    })

    test('and keeps all other characters', () => {
      const note = '{"n":12345678901234567890}\r\n\u001b[1mbold\u001b[0m'
      expect(attributesOf({ note })).toEqual({ note })
    })
  })

  test('truncates long attributes and keeps the entity', () => {
    const redacting = createSignalValidator(signals, (text) => text.replaceAll('hunter2', '[redacted]')).validate
    const attributes = {
      text: `${'x'.repeat(LIMITS.attribute - 4)}hunter2`,
      list: Array.from({ length: LIMITS.elements + 44 }, (_, index) => `label-${index}`),
      element: ['x'.repeat(LIMITS.element + 1)],
    }
    const { entities, problems } = redacting({ entities: [{ ...described, attributes }] })
    expect(problems).toEqual([])
    const kept = entities[0]?.attributes as { text: string; list: string[]; element: string[] }
    expect(kept.text).toHaveLength(LIMITS.attribute)
    expect(kept.text).not.toContain('hun')
    expect(kept.list).toHaveLength(LIMITS.elements)
    expect(kept.list.at(-1)).toBe('… and 45 more')
    expect(kept.element[0]).toHaveLength(LIMITS.element)
  })

  test('accepts declared attributes only, and prefixes that end with `*`', () => {
    const disk = entity({
      type: 'disk',
      description: 'A disk.',
      attributes: { size: 'Its size.', 'label.*': 'Its labels.' },
    })
    const { entities, problems } = createSignalValidator({ disk }).validate({
      entities: [
        disk.entity({ id: 'a', attributes: { size: 1, 'label.tier': 'gold' } }),
        { ...disk.entity({ id: 'b' }), attributes: { 'label.': 'x' } },
        { ...disk.entity({ id: 'c' }), attributes: { colour: 'red' } },
      ],
    })
    expect(entities.map(({ id }) => id)).toEqual(['a'])
    expect(problems).toEqual([
      'an entity of type `disk` has the attribute `label.`, which is not declared',
      'an entity of type `disk` has the attribute `colour`, which is not declared',
    ])
    // @ts-expect-error an undeclared relation does not compile
    disk.entity({ id: 'd', relations: [{ type: 'part_of', target: host }] })
    // @ts-expect-error an undeclared attribute does not compile
    disk.entity({ id: 'e', attributes: { colour: 'red' } })
  })

  test('replaces lone surrogates, for which the platform would refuse the report', () => {
    const half = '\ud83d'
    const { entities, gaps } = check({
      entities: [{ ...described, id: `a${half}`, name: half }],
      gaps: [{ ...gap, scope: half }],
    })
    expect(entities[0]).toMatchObject({ id: 'a\ufffd', name: '\ufffd' })
    expect(gaps[0]?.scope).toBe('\ufffd')
    const [event] = check({ events: [{ ...happened, body: '😀'.repeat(LIMITS.body) }] }).events
    expect(event?.body.isWellFormed()).toBe(true)
    for (const name of ['__proto__', half])
      expect(problemOf({ metrics: [{ ...point, attributes: Object.fromEntries([[name, 'x']]) }] })).toContain(
        'not declared',
      )
  })

  describe('bounds a signal, so that the platform accepts it', () => {
    const pod = entity({ type: 'pod', description: 'A pod.', attributes: { 'label.*': 'Its labels.' } })
    const bounded = (attributes: object) =>
      createSignalValidator({ pod }).validate({
        entities: [{ type: 'pod', id: 'a', name: 'a', attributes: attributes as never, relations: [] }],
      })
    const labels = (count: number, value: unknown) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`label.${index}`, value]))

    test('keeps the first attributes, and says how many there are', () => {
      const { entities, problems } = bounded(labels(LIMITS.attributes + 12, 'x'))
      expect(entities[0]?.attributes).toEqual(labels(LIMITS.attributes, 'x'))
      expect(problems).toEqual(['`pod` has 140 attributes: only the first 128 fit into a report'])
      expect(bounded(labels(LIMITS.attributes, 'x')).problems).toEqual([])
    })

    test.each([
      ['many lists', labels(10, Array(LIMITS.elements).fill('x')), 'has more than 2048 values in its attributes'],
      [
        'many texts',
        labels(8, 'x'.repeat(LIMITS.attribute)),
        /a signal of \d+ bytes; at most 262144 fit into a report/,
      ],
      ['escapes', labels(2, '\u0001'.repeat(LIMITS.attribute)), /a signal of \d+ bytes/],
    ])('leaves out a signal with %s', (_name, attributes, problem) => {
      const { entities, problems } = bounded(attributes)
      expect(entities).toEqual([])
      expect(problems).toEqual([expect.stringMatching(problem)])
    })
  })

  test('drops unknown fields', () => {
    const deleted = { ...described, deleted: 'yes', toJSON: () => 'surprise' }
    expect(check({ entities: [deleted] }).entities).toEqual([described])
  })

  test('names unreadable values without throwing', () => {
    const unreadable = new Proxy(point, {
      get: () => {
        throw new Error('unreadable')
      },
    })
    expect(problemOf({ metrics: [unreadable] })).toBe('`metrics` contains something that cannot be read')
    expect(problemOf({ metrics: [{ ...point, name: Object.create(null) as string }] })).toContain('`object`')
    const trap = new Proxy({}, { ownKeys: () => Reflect.ownKeys(null as never) })
    expect(problemOf(trap)).toBe('it returned something that cannot be read')
  })

  /** The whole path of what a check kept: JSON, then the platform's schema. */
  function sent(said: unknown): Report {
    const { problems, gaps, ...kept } = check(said as Signals)
    for (const problem of problems) expect(typeof problem).toBe('string')
    const report: Report = {
      report_id: '019bea3c-7b5e-7cc3-9d4c-2f1f6a3a9a11',
      agent_id: '3f1b9c0e-8f5e-5d1b-9a55-2d3c9f8b7a60',
      agent_type: 'example',
      agent_version: '1.0.0',
      sequence: 0,
      timestamp: at.toISOString(),
      data: { ...kept, gaps: gaps.map((one) => ({ since: at.toISOString(), ...one })) },
    }
    for (const signal of Object.values(report.data).flat())
      expect(Buffer.byteLength(JSON.stringify(signal))).toBeLessThanOrEqual(LIMITS.signal)
    return reportSchema.parse(JSON.parse(JSON.stringify(report))) as Report
  }

  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withSet: true,
    withSparseArray: true,
    withTypedArray: true,
  })

  test('never throws, and keeps only valid signals, whatever a connector returns', () => {
    fc.assert(
      fc.property(fc.oneof(anything, fc.record({ metrics: anything, entities: anything, gaps: anything })), (said) => {
        sent(said)
      }),
      { numRuns: 500 },
    )
  })

  /** A good signal with one or two of its fields replaced by anything. */
  function damaged(good: object): fc.Arbitrary<object> {
    const fields = fc.dictionary(fc.constantFrom(...Object.keys(good), 'deleted', 'since'), anything, { maxKeys: 2 })
    const attributes = fc.dictionary(fc.string(), fc.oneof(anything, fc.string(), fc.array(fc.string())))
    return fc.tuple(fields, fc.option(attributes)).map(([wrong, some]) => ({
      ...good,
      ...(some === null ? {} : { attributes: some }),
      ...wrong,
    }))
  }

  test('keeps only valid signals, however a signal is damaged', () => {
    const said = fc.record({
      entities: fc.array(damaged(described)),
      metrics: fc.array(damaged({ ...point, at: new Date().toISOString() })),
      events: fc.array(damaged(happened)),
      gaps: fc.array(damaged(gap)),
    })
    fc.assert(
      fc.property(said, (one) => void sent(one)),
      { numRuns: 500 },
    )
  })
})
