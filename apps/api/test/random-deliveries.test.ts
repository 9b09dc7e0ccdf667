import type { Report, ReportedEntity } from '@rca/core/protocol'
import fc from 'fast-check'
import { v7 } from 'uuid'
import { expect, it } from 'vitest'
import { openStore } from '../src/store/open-store.ts'
import type { Store } from '../src/store/store.ts'
import { agentIdOf, entityOf, reportOf, START } from './start-api.ts'

/** Always there: nothing may ever say that it is gone. */
const LASTING = 'lasting'

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('change' as const), what: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('report' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('snapshot' as const), parts: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('deliver' as const),
      whose: fc.nat(),
      count: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('repeat' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('giveUp' as const), whose: fc.nat(), which: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('lead' as const),
      whose: fc.nat(2),
      heard: fc.boolean(),
      ahead: fc.integer({ min: -60, max: 60 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('beat' as const) }) },
)

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

/** One process of an agent. */
interface Instance {
  readonly name: string
  sequence: number
  lead: string
  /** What it believes the platform knows; `undefined` where everything has to be told. */
  known: Map<string, string> | undefined
  readonly outbox: Report[]
}

/** Whether heartbeats may get lost, or clocks be wrong: where both are so, nothing tells leads apart. Or one agent that is alone, and starts again. */
type Trouble = 'lost heartbeats' | 'wrong clocks' | 'restarts'

/** Instances of one agent, what they watch, and what the platform makes of what they say. */
function createWorld(store: Store, trouble: Trouble) {
  const world = new Map([[LASTING, 'x']])
  const instances = ['a', 'b', 'c'].map(
    (name): Instance => ({ name, sequence: 0, lead: '', known: undefined, outbox: [] }),
  )
  const delivered: Report[] = []
  let leader = instances[0] as Instance
  let time = START
  let startedAt = START
  let changes = 0

  const beat = (): Promise<void> =>
    store.agents.heartbeat(
      { environment: 'e', agentType: 'kiln', agentId: agentIdOf('first') },
      {
        agentVersion: '1.0.0',
        agentName: 'kiln',
        startedAt,
        intervalSeconds: undefined,
        replacesAgentId: undefined,
        collectors: {},
        outbox: { reports: 0, bytes: 0, dropped: 0 },
        instance:
          leader.lead === ''
            ? undefined
            : { id: leader.name, role: 'leader', termId: leader.lead, intervalSeconds: 30 },
      },
      1,
      time,
    )
  const told = (entities: readonly ReportedEntity[], rest: Partial<Report>): void => {
    time += 10
    leader.outbox.push(
      reportOf(
        { entities: [...entities] },
        {
          report_id: v7({ msecs: time }),
          timestamp: new Date(time).toISOString(),
          sequence: leader.sequence++,
          ...(leader.lead === '' ? {} : { lead_id: leader.lead }),
          ...rest,
        },
      ),
    )
  }
  const snapshot = (parts: number): void => {
    leader.known = new Map(world)
    const entities = [...world].map(([id, name]) => entityOf(id, { name }))
    if (parts === 1) {
      told(entities, { snapshot: true })
      return
    }
    time += 10
    const first = v7({ msecs: time })
    for (let number = 0; number < parts; number += 1)
      told(
        entities.filter((_entity, index) => index % parts === number),
        {
          ...(number === 0 ? { report_id: first } : {}),
          part: { first, number, snapshot: true, ...(number === parts - 1 ? { last: true } : {}) },
        },
      )
  }
  const deliver = async (instance: Instance, count: number): Promise<void> => {
    const batch = instance.outbox.splice(0, count)
    if (batch.length === 0) return
    time += 10
    delivered.push(...batch)
    await store.signals.write('e', 'kiln', batch, time)
  }
  const lead = async (instance: Instance, heard: boolean, ahead: number): Promise<void> => {
    time += 1000
    if (trouble === 'restarts') {
      // What it had not delivered is gone.
      Object.assign(leader, { sequence: 0, known: undefined })
      leader.outbox.length = 0
      startedAt = time
      if (heard) await beat()
      return
    }
    leader = instance
    instance.lead = v7({ msecs: time + (trouble === 'wrong clocks' ? ahead * 1000 : 0) })
    instance.known = undefined
    if (heard || trouble === 'wrong clocks') await beat()
  }

  const perform = async (one: Step): Promise<void> => {
    const outboxOf = (whose: number): Instance => instances[whose % instances.length] as Instance
    switch (one.kind) {
      case 'change': {
        const id = `e${one.what}`
        if (world.has(id) && changes % 2 === 0) world.delete(id)
        else world.set(id, `v${changes}`)
        changes += 1
        return
      }
      case 'report': {
        const before = leader.known
        if (before === undefined) return snapshot(1)
        const changed = [...world].filter(([id, name]) => before.get(id) !== name)
        const gone = [...before.keys()].filter((id) => !world.has(id))
        leader.known = new Map(world)
        return told(
          [
            ...changed.map(([id, name]) => entityOf(id, { name })),
            ...gone.map((id) => entityOf(id, { deleted: true as const })),
          ],
          {},
        )
      }
      case 'snapshot':
        return snapshot(one.parts)
      case 'deliver':
        return deliver(outboxOf(one.whose), one.count)
      case 'repeat': {
        const again = delivered[one.which % Math.max(1, delivered.length)]
        if (again !== undefined) await store.signals.write('e', 'kiln', [again], time)
        return
      }
      case 'giveUp': {
        const instance = outboxOf(one.whose)
        if (instance.outbox.length > 0) instance.outbox.splice(one.which % instance.outbox.length, 1)
        if (instance === leader) instance.known = undefined
        return
      }
      case 'lead':
        return lead(outboxOf(one.whose), one.heard, one.ahead)
      case 'beat':
        return beat()
    }
  }
  return { world, instances, perform, lead, deliver, snapshot, leader: () => leader }
}

/** Names of entities, empty for those that are gone. */
async function entitiesOf(store: Store): Promise<Map<string, string>> {
  const [agent] = await store.agents.find(agentIdOf('first'))
  if (agent === undefined) return new Map()
  const page = { agentKey: agent.key, type: undefined, includeDeleted: true, limit: 100, after: undefined }
  const { items } = await store.signals.entities(page)
  return new Map(items.map(({ id, name, deletedAt }) => [id, deletedAt === undefined ? name : '']))
}

const alive = (entities: ReadonlyMap<string, string>): Map<string, string> =>
  new Map([...entities].filter(([, name]) => name !== ''))

it.each<Trouble>(['lost heartbeats', 'wrong clocks', 'restarts'])(
  'knows in the end what the last leader sees, whatever arrives late, twice or never: %s',
  async (trouble) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60, size: 'max' }),
        fc.infiniteStream(fc.nat()),
        async (steps, random) => {
          const store = await openStore('sqlite::memory:')
          try {
            await store.access.provision(
              { environment: 'e', agentType: 'kiln', hash: 'h', createdAt: START },
              { config: {}, withheld: [] },
            )
            const { world, instances, perform, lead, deliver, snapshot, leader } = createWorld(store, trouble)
            await lead(instances[0] as Instance, true, 0)
            for (const one of steps) {
              await perform(one)
              expect((await entitiesOf(store)).get(LASTING)).not.toBe('')
            }
            await lead(instances[random.next().value % 3] as Instance, true, 0)
            snapshot(2)
            while (instances.some(({ outbox }) => outbox.length > 0)) {
              await deliver(instances[random.next().value % 3] as Instance, 1)
              expect((await entitiesOf(store)).get(LASTING)).not.toBe('')
            }
            const known = await entitiesOf(store)
            for (const [id, name] of world) expect(known.get(id)).toBe(name)
            // What a late report told of that nobody sees any more goes with the next full list.
            snapshot(3)
            await deliver(leader(), 3)
            expect(Object.fromEntries(alive(await entitiesOf(store)))).toEqual(Object.fromEntries(world))
          } finally {
            await store.close()
          }
        },
      ),
      { numRuns: 100 },
    )
  },
  60_000,
)
