import { describe, expect, test } from 'vitest'
import type { Entity, UnreadEntities } from '../../connector/signals.ts'
import type { ReportedEntity } from '../../platform/protocol.ts'
import { createEntityTracker, type EntityObserver, type EntityTracker } from './entity-diff.ts'

const MINUTE = 60_000

function entityOf(id: string, attributes: Entity['attributes'] = {}, type = 'container'): Entity {
  return { type, id, name: id, attributes, relations: [] }
}

/** The result of a take, run to its end. */
interface Taken {
  readonly entities: readonly ReportedEntity[]
  readonly full: boolean
}

interface Tracker extends Omit<EntityTracker, 'take'> {
  take(now: number, everyone?: boolean): Taken
}

function trackerOfAll(observer?: EntityObserver): Tracker {
  const tracker = createEntityTracker(observer)
  return {
    ...tracker,
    take: (now, everyone) => {
      const { full, changes } = tracker.take(now, everyone)
      return { entities: [...changes()].filter((entity) => entity !== undefined), full }
    },
  }
}

/** Returns `id`, or `-id` for a deleted entity. */
function idsOf({ entities }: Taken): string[] {
  return entities.map((entity) => (entity.deleted ? `-${entity.id}` : entity.id))
}

describe('EntityTracker', () => {
  test('counts new entities after the first list, and names attributes on which collectors disagree', () => {
    const created: unknown[] = []
    const conflicts: unknown[] = []
    const tracker = trackerOfAll({
      onCreated: (...all) => created.push(all),
      onConflict: (...all) => conflicts.push(all),
    })
    for (const ids of [
      ['a', 'b'],
      ['b', 'c', 'd'],
      ['b', 'c', 'd'],
    ]) {
      tracker.update(
        'containers',
        ids.map((id) => entityOf(id)),
      )
      tracker.take(0)
    }
    expect(created).toEqual([
      ['containers', 2, 3],
      ['containers', 0, 3],
    ])
    tracker.update('containers', [entityOf('a', { size: 1, state: 'up' })])
    tracker.update('usage', [entityOf('a', { size: 2, state: 'up' })])
    tracker.take(0)
    expect(conflicts).toEqual([['container', 'size', ['containers', 'usage']]])
  })

  test('sends everything first, then only changes', () => {
    const tracker = trackerOfAll()
    tracker.update('containers', [entityOf('a'), entityOf('b')])
    expect(tracker.take(0)).toEqual({ entities: [entityOf('a'), entityOf('b')], full: true })
    expect(tracker.take(1)).toEqual({ entities: [], full: false })
    tracker.update('containers', [entityOf('a'), entityOf('b', { state: 'dead' }), entityOf('c')])
    expect(tracker.take(2)).toEqual({ entities: [entityOf('b', { state: 'dead' }), entityOf('c')], full: false })
    expect(idsOf(tracker.take(3))).toEqual([])
  })

  test('sends a deletion once', () => {
    const tracker = trackerOfAll()
    tracker.update('containers', [entityOf('a', { state: 'up' }), entityOf('b')])
    tracker.take(0)
    tracker.update('containers', [entityOf('b')])
    expect(tracker.take(1).entities).toEqual([{ ...entityOf('a'), deleted: true }])
    expect(idsOf(tracker.take(2))).toEqual([])
    tracker.update('containers', [entityOf('a'), entityOf('b')])
    expect(idsOf(tracker.take(3))).toEqual(['a'])
  })

  test('distinguishes entities of different types with the same id', () => {
    const tracker = trackerOfAll()
    tracker.update('complete', [entityOf('1', {}, 'pod'), entityOf('1', {}, 'node')])
    expect(idsOf(tracker.take(0))).toEqual(['1', '1'])
  })

  test('sends everything again every ten minutes', () => {
    const tracker = trackerOfAll()
    tracker.update('containers', [entityOf('a')])
    tracker.take(0)
    expect(tracker.take(10 * MINUTE - 1).full).toBe(false)
    expect(tracker.take(10 * MINUTE)).toEqual({ entities: [entityOf('a')], full: true })
    expect(tracker.take(19 * MINUTE).full).toBe(false)
  })

  test('sends everything again after a resync, but at most once a minute', () => {
    const tracker = trackerOfAll()
    tracker.update('containers', [entityOf('a')])
    tracker.take(0)
    tracker.resync()
    expect(tracker.take(MINUTE - 1).full).toBe(false)
    expect(tracker.take(MINUTE).full).toBe(true)
    expect(tracker.take(3 * MINUTE).full).toBe(false)
    tracker.resync()
    expect(tracker.take(3 * MINUTE).full).toBe(true)
  })

  test('sends another full list once every collector has returned its entities', () => {
    const tracker = trackerOfAll()
    tracker.update('fast', [entityOf('a')])
    expect(tracker.take(0, false)).toEqual({ entities: [entityOf('a')], full: true })
    expect(tracker.take(1, false).full).toBe(false)
    tracker.update('slow', [entityOf('b')])
    expect(tracker.take(2, true)).toEqual({ entities: [entityOf('a'), entityOf('b')], full: true })
    expect(tracker.take(3, true).full).toBe(false)
  })

  test('does not treat unreadable entities as deleted', () => {
    const tracker = trackerOfAll()
    tracker.update('containers', [entityOf('a'), entityOf('b')])
    tracker.take(0)
    tracker.update('containers', [entityOf('b', { state: 'dead' })], 'everything')
    expect(idsOf(tracker.take(1))).toEqual(['b'])
    tracker.update('containers', [], 'everything')
    expect(idsOf(tracker.take(2))).toEqual([])
    tracker.update('containers', [entityOf('b', { state: 'dead' })])
    expect(idsOf(tracker.take(3))).toEqual(['-a'])
  })

  describe('with a part that could not be read', () => {
    const related = (id: string, ...targets: string[]): Entity => ({
      ...entityOf(id, {}, 'function'),
      relations: targets.map((target) => ({ type: 'uses', target: { type: 'function', id: target } })),
    })
    const everything = [related('mailer', 'a'), related('a', 'mailer', 'b'), related('b'), related('c', 'a')]

    test.each<[string, readonly UnreadEntities[], string[]]>([
      ['an entity, which stays with what is related to it', [{ type: 'function', id: 'mailer' }], ['-b']],
      ['an entity without further relations', [{ type: 'function', id: 'c' }], ['-mailer', '-a', '-b']],
      ['a whole type', [{ type: 'function' }], []],
      ['another type', [{ type: 'queue' }], ['-mailer', '-a', '-b', '-c']],
    ])('deletes only the rest: %s', (_what, unread, deleted) => {
      const tracker = trackerOfAll()
      tracker.update('functions', everything)
      tracker.take(0)
      tracker.update('functions', [], unread)
      expect(idsOf(tracker.take(1))).toEqual(deleted)
      tracker.update('functions', [])
      expect(idsOf(tracker.take(2))).toHaveLength(everything.length - deleted.length)
    })

    test('takes what could be read', () => {
      const tracker = trackerOfAll()
      tracker.update('functions', everything)
      tracker.take(0)
      tracker.update('functions', [related('a'), related('d')], [{ type: 'function', id: 'mailer' }])
      expect(idsOf(tracker.take(1))).toEqual(['a', 'd', '-b'])
    })
  })

  test('merges the descriptions of several collectors, in any order', () => {
    const runsOn = (id: string): Entity['relations'][number] => ({ type: 'runs_on', target: { type: 'node', id } })
    const parts = {
      inspect: { ...entityOf('a', { image: 'nginx', shared: 1 }), relations: [runsOn('1'), runsOn('2')] },
      stats: { ...entityOf('a', { cpus: 2, shared: 2 }), relations: [runsOn('2'), runsOn('3')] },
    }
    for (const order of [['inspect', 'stats'] as const, ['stats', 'inspect'] as const]) {
      const tracker = trackerOfAll()
      for (const name of order) tracker.update(name, [parts[name]])
      expect(tracker.take(0).entities).toEqual([
        {
          ...entityOf('a', { image: 'nginx', cpus: 2, shared: 2 }),
          relations: [runsOn('1'), runsOn('2'), runsOn('3')],
        },
      ])
      // The same descriptions are unchanged, although no collector describes all of the entity.
      for (const name of order) tracker.update(name, [parts[name]])
      expect(tracker.take(1).entities).toEqual([])
    }
  })

  test('treats the same object as unchanged', () => {
    const attributes: Record<string, string> = { state: 'up' }
    const entity = entityOf('a', attributes)
    const tracker = trackerOfAll()
    tracker.update('containers', [entity])
    tracker.take(0)
    attributes.state = 'dead'
    tracker.update('containers', [entity])
    expect(tracker.take(1).entities).toEqual([])
    tracker.update('containers', [entityOf('a', { state: 'up again' })])
    expect(idsOf(tracker.take(2))).toEqual(['a'])
  })

  test('keeps updates during a take for the next one', () => {
    const tracker = createEntityTracker()
    tracker.update('containers', [entityOf('a'), entityOf('b')])
    const steps = tracker.take(0).changes()
    steps.next()
    tracker.update('containers', [entityOf('a')])
    expect([...steps].filter((entity) => entity !== undefined)).toHaveLength(2)
    expect([...tracker.take(1).changes()].filter((entity) => entity !== undefined)).toMatchObject([
      { id: 'b', deleted: true },
    ])
  })

  test('does not visit unchanged entities', () => {
    const tracker = createEntityTracker()
    const many = Array.from({ length: 1000 }, (_, id) => entityOf(String(id)))
    const steps = (now: number): number => [...tracker.take(now).changes()].length
    tracker.update('containers', many)
    steps(0)
    tracker.update('containers', [...many])
    expect(steps(1)).toBeLessThan(10)
    tracker.update('containers', many.with(500, entityOf('500', { state: 'dead' })))
    expect(steps(2)).toBeLessThan(20)
  })

  test('ignores a new order of the same objects', () => {
    const tracker = trackerOfAll()
    const [a, b, c] = [entityOf('a'), entityOf('b'), entityOf('c')]
    tracker.update('containers', [a, b, c])
    tracker.take(0)
    tracker.update('containers', [c, a, b])
    expect(idsOf(tracker.take(1))).toEqual([])
    tracker.update('containers', [b, c])
    expect(idsOf(tracker.take(2))).toEqual(['-a'])
    expect(idsOf(tracker.take(10 * MINUTE))).toEqual(['b', 'c'])
  })

  test('keeps a duplicate entity until its last occurrence is removed', () => {
    const tracker = trackerOfAll()
    const a = entityOf('a')
    tracker.update('containers', [a, a, entityOf('a', { state: 'up' })])
    expect(tracker.take(0).entities).toEqual([entityOf('a', { state: 'up' })])
    tracker.update('containers', [a])
    expect(tracker.take(1).entities).toEqual([a])
    tracker.update('containers', [])
    expect(idsOf(tracker.take(2))).toEqual(['-a'])
  })

  test('keeps an entity that one of two collectors still returns', () => {
    const tracker = trackerOfAll()
    tracker.update('inspect', [entityOf('a', { image: 'nginx' })])
    tracker.update('stats', [entityOf('a', { cpus: 2 })])
    tracker.take(0)
    tracker.update('inspect', [])
    expect(tracker.take(1).entities).toEqual([entityOf('a', { cpus: 2 })])
    tracker.update('stats', [])
    expect(idsOf(tracker.take(2))).toEqual(['-a'])
  })

  test('sends everything after an interrupted take and a resync', () => {
    const [a, b] = [entityOf('a'), entityOf('b')]
    const unfinished = createEntityTracker()
    unfinished.update('containers', [a, b])
    unfinished.take(0).changes().next()
    unfinished.resync()
    expect([...unfinished.take(MINUTE).changes()].filter((entity) => entity !== undefined)).toEqual([a, b])
  })
})
