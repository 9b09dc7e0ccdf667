import { describe, expect, test } from 'vitest'
import { object, pods } from '../../test/api-server.ts'
import { KubernetesError } from '../api/errors.ts'
import type { KubernetesApi, ListOptions, WatchEvent, WatchOptions } from '../api/kubernetes-api.ts'
import type { Change, SlimObject } from './object-store.ts'
import { createReflector, type WatchError } from './reflector.ts'

type Raw = ReturnType<typeof object>

const ended = new KubernetesError('ended', { reason: 'WatchEnded' })
const expired = new KubernetesError('too old', { status: 410 })
const silent = new KubernetesError('no data', { reason: 'SilentFromStart' })
const damaged = new KubernetesError('unknown event', { reason: 'Damaged' })
const refused = new KubernetesError('A permission is missing', { status: 403 })

type Step =
  | { readonly list: readonly (Raw | 'restart')[]; readonly at: string }
  | { readonly list: Error }
  | { readonly watch: readonly WatchEvent[]; readonly end: Error; readonly from?: string }
  | { readonly watch: Error }

function event(type: WatchEvent['type'], raw: unknown): WatchEvent {
  return { type, object: raw }
}

/** Runs a reflector on a server that does these steps, until none is left. */
async function follow(steps: readonly Step[], { lasting = 0 }: { lasting?: number } = {}) {
  const left = [...steps]
  const stop = new AbortController()
  const done = new Error('all steps are done')
  let time = 0
  const next = (kind: 'list' | 'watch'): Step => {
    const step = left.shift()
    if (step === undefined) {
      stop.abort(done)
      throw done
    }
    expect(kind in step, `${kind} comes when a step is ${JSON.stringify(step)}`).toBe(true)
    return step
  }
  const api: Pick<KubernetesApi, 'list' | 'watch'> = {
    list: async (_resource, { onItems, onRestart }: ListOptions) => {
      const step = next('list') as Extract<Step, { list: unknown }>
      if (step.list instanceof Error || !('at' in step)) {
        time += lasting
        throw step.list
      }
      for (const item of step.list) {
        if (item === 'restart') onRestart?.()
        else onItems([item])
      }
      return step.at
    },
    watch: async (_resource, { onOpen, onEvent, resourceVersion }: WatchOptions) => {
      const step = next('watch') as Extract<Step, { watch: unknown }>
      if (step.watch instanceof Error || !('end' in step)) throw step.watch
      if (step.from !== undefined) expect(resourceVersion).toBe(step.from)
      onOpen?.()
      for (const event of step.watch) onEvent(event)
      time += lasting
      throw step.end
    },
  }
  const changes: string[] = []
  const waits: number[] = []
  const watchErrors: (WatchError | undefined)[] = []
  const reflector = createReflector<SlimObject>({
    api,
    resource: pods,
    project: (raw) => {
      const { metadata } = raw as Raw
      if (metadata.name === 'broken') throw new Error('cannot be read')
      const { uid, name, namespace, resourceVersion } = metadata
      return { uid, name, namespace, resourceVersion }
    },
    onChange: (change) => changes.push(describeChange(change)),
    now: () => new Date(time),
    random: () => 0.5,
    sleep: async (milliseconds) => {
      waits.push(milliseconds)
      watchErrors.push(reflector.watchError)
      time += milliseconds
    },
  })
  await reflector.run(stop.signal)
  const names = [...reflector.objects.values()].map(({ name }) => name)
  return { changes, waits, watchErrors, reflector, names }
}

function describeChange(change: Change<SlimObject>): string {
  const at = (one: SlimObject | undefined): string => one?.resourceVersion ?? '?'
  if (change.type === 'added')
    return `${change.isInitial ? 'there' : 'added'} ${change.object.name}@${at(change.object)}`
  if (change.type === 'changed') return `changed ${change.old.name}@${at(change.old)}→${at(change.object)}`
  return `deleted ${change.old.name}@${at(change.old)}→${at(change.object)}`
}

describe('createReflector', () => {
  test('lists, then watches from there', async () => {
    const { changes, names, reflector } = await follow([
      { list: [object('a', '1'), object('b', '2')], at: '5' },
      {
        from: '5',
        watch: [
          event('ADDED', object('c', '6')),
          event('MODIFIED', object('a', '7')),
          event('MODIFIED', object('a', '7')),
          event('DELETED', object('b', '8')),
          event('DELETED', object('b', '8')),
          event('BOOKMARK', { metadata: { resourceVersion: '20' } }),
        ],
        end: ended,
      },
      { from: '20', watch: [], end: ended },
    ])
    expect(changes).toEqual(['there a@1', 'there b@2', 'added c@6', 'changed a@1→7', 'deleted b@2→8'])
    expect(names).toEqual(['a', 'c'])
    expect(reflector).toMatchObject({ isSynced: true, watchError: undefined, unreadable: 0 })
    await reflector.synced
  })

  test('lists again after the version expired, and reports the differences once', async () => {
    const { changes, names, watchErrors } = await follow([
      { list: [object('same', '1'), object('old', '2'), object('removed', '3')], at: '5' },
      { watch: [], end: expired },
      { list: [object('same', '1'), object('old', '8'), object('new', '9')], at: '10' },
      { from: '10', watch: [event('MODIFIED', object('new', '9'))], end: ended },
    ])
    expect(changes.slice(3)).toEqual(['changed old@2→8', 'added new@9', 'deleted removed@3→?'])
    expect(names).toEqual(['same', 'old', 'new'])
    expect(watchErrors).toEqual([undefined, undefined])
  })

  test('lists again after a damaged event, which would come again from the same version', async () => {
    const { changes, reflector } = await follow([
      { list: [object('a', '1')], at: '5' },
      { from: '5', watch: [event('MODIFIED', object('a', '6'))], end: damaged },
      { list: [object('a', '6'), object('b', '7')], at: '8' },
      { from: '8', watch: [event('MODIFIED', object('b', '9'))], end: ended },
    ])
    expect(changes).toEqual(['there a@1', 'changed a@1→6', 'added b@7', 'changed b@7→9'])
    expect(reflector.watchError).toBeUndefined()
  })

  test('lists again after a watch without any data, without a watch error if nothing was changed', async () => {
    const { changes, watchErrors } = await follow([
      { list: [object('a', '1')], at: '5' },
      { from: '5', watch: [], end: silent },
      { list: [object('a', '1')], at: '9' },
      { from: '9', watch: [], end: ended },
    ])
    expect(changes).toEqual(['there a@1'])
    expect(watchErrors).toEqual([undefined, undefined])
  })

  test('has a watch error when watches deliver nothing although objects are changed, until one delivers', async () => {
    const silence: Step = { watch: [], end: silent }
    const listed = (...objects: Raw[]): Step => ({ list: objects, at: '20' })
    const { changes, watchErrors } = await follow([
      listed(object('a', '1')),
      silence,
      listed(object('a', '6')),
      silence,
      listed(object('a', '6'), object('b', '11')),
      { watch: [event('MODIFIED', object('b', '13'))], end: ended },
      silence,
      listed(object('a', '14'), object('b', '13')),
      silence,
      listed(object('a', '15'), object('b', '13')),
      silence,
      listed(object('a', '15'), object('b', '13')),
      { watch: [], end: ended },
    ])
    expect(changes).toEqual([
      ...['there a@1', 'changed a@1→6', 'added b@11', 'changed b@11→13', 'changed a@6→14', 'changed a@14→15'],
    ])
    const heldBack = expect.objectContaining({
      error: expect.objectContaining({ message: expect.stringContaining('hold') }),
    })
    // After each watch. The list comes after the pause, so that its finding shows after the watch that follows.
    expect(watchErrors).toEqual([undefined, undefined, undefined, undefined, undefined, heldBack, undefined])
  })

  test('treats a recreated object with the same name as another object', async () => {
    const again = { metadata: { ...object('db-0', '9').metadata, uid: 'other' } }
    const { changes } = await follow([
      { list: [object('db-0', '1')], at: '5' },
      { watch: [], end: expired },
      { list: [again], at: '10' },
    ])
    expect(changes).toEqual(['there db-0@1', 'added db-0@9', 'deleted db-0@1→?'])
  })

  test('drops objects of a list that started from scratch', async () => {
    const { changes, names } = await follow([
      { list: [object('a', '1'), 'restart', object('b', '2')], at: '5' },
      { watch: [], end: ended },
    ])
    expect(changes).toEqual(['there a@1', 'there b@2', 'deleted a@1→?'])
    expect(names).toEqual(['b'])
  })

  test('has a watch error with its time while it may not list, and backs off', async () => {
    const { waits, watchErrors, reflector, names } = await follow([
      { list: refused },
      { list: refused },
      { list: refused },
      { list: [object('a', '1')], at: '5' },
      { watch: [], end: ended },
    ])
    expect(waits.slice(0, 3)).toEqual([375, 750, 1500])
    expect(watchErrors.slice(0, 3).map((one) => one?.since.getTime())).toEqual([0, 0, 0])
    expect(reflector.watchError).toBeUndefined()
    expect(names).toEqual(['a'])
  })

  test('asks for a refused list at least every 15 seconds, and for another failing one every 30 seconds', async () => {
    const waitsAfter = async (failure: Error) =>
      (await follow(Array.from({ length: 12 }, () => ({ list: failure })))).waits.at(-1)
    // With the jitter of the test, three quarters of the bound.
    expect(await waitsAfter(refused)).toBe(11_250)
    expect(await waitsAfter(new KubernetesError('broken', { status: 500 }))).toBe(22_500)
  })

  test('keeps its objects after a failed watch, and continues from there', async () => {
    const cut = new KubernetesError('cut', { reason: 'Silent' })
    const { watchErrors, names, waits } = await follow([
      { list: [object('a', '1')], at: '5' },
      { from: '5', watch: [event('ADDED', object('b', '6'))], end: cut },
      { watch: refused },
      { from: '6', watch: [], end: ended },
    ])
    expect(names).toEqual(['a', 'b'])
    expect(watchErrors.map((one) => one?.error)).toEqual([cut, refused, undefined])
    expect(waits).toEqual([375, 750, 1500])
  })

  test('lists every minute with a watch error while it may not watch', async () => {
    const permission = { verb: 'watch', group: '', resource: 'pods', namespace: undefined }
    const forbidden = new KubernetesError('A permission is missing', { status: 403, permission })
    const { changes, waits, watchErrors, reflector } = await follow([
      { list: [object('a', '1'), object('b', '2')], at: '5' },
      { watch: forbidden },
      { list: [object('a', '7'), object('c', '8')], at: '9' },
      { watch: forbidden },
      { list: [object('a', '7'), object('c', '8')], at: '10' },
      { from: '10', watch: [], end: ended },
    ])
    expect(changes).toEqual(['there a@1', 'there b@2', 'changed a@1→7', 'added c@8', 'deleted b@2→?'])
    expect(waits.slice(0, 2)).toEqual([375, 60_000])
    expect(watchErrors.slice(0, 2).map((one) => one?.since.getTime())).toEqual([0, 0])
    expect(reflector.watchError).toBeUndefined()
  })

  test('always waits before the next watch, however often a watch ends at once', async () => {
    const watch: Step = { watch: [], end: ended }
    const { waits } = await follow([{ list: [], at: '5' }, ...Array.from({ length: 12 }, () => watch)])
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(250)
    expect(waits.at(-1)).toBe(22_500)
  })

  test('resets the backoff after a watch that lasted', async () => {
    for (const end of [ended, new KubernetesError('cut', { reason: 'Silent' }), new Error('reset by a proxy')]) {
      const watch: Step = { watch: [], end }
      const { waits } = await follow([{ list: [], at: '5' }, watch, watch, watch], { lasting: 60_000 })
      expect(waits).toEqual([375, 375, 375])
    }
  })

  test('backs off from a server that is slow to refuse', async () => {
    const late = new KubernetesError('too late', { reason: 'Timeout' })
    const { waits } = await follow([{ list: late }, { list: late }, { list: late }], { lasting: 60_000 })
    expect(waits.slice(0, 3)).toEqual([375, 750, 1500])
  })

  test('waits for the seconds of Retry-After', async () => {
    const busy = new KubernetesError('busy', { status: 429, retryAfter: 12 })
    const { waits } = await follow([{ list: busy }, { list: [], at: '5' }])
    expect(waits[0]).toBe(12_000)
  })

  test('counts objects that it cannot read, and continues', async () => {
    const { names, reflector } = await follow([
      { list: [object('broken', '1'), object('a', '2'), { metadata: {} } as Raw], at: '5' },
      { watch: [], end: new TypeError('not explained') },
    ])
    expect(names).toEqual(['a'])
    expect(reflector.unreadable).toBe(2)
  })
})
