import type { Report, ReportedEntity } from '@rca/core/protocol'
import fc from 'fast-check'
import { v7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { openStore } from '../src/store/open-store.ts'
import { createReadSession } from '../src/store/read-session.ts'
import type { Store } from '../src/store/store.ts'
import { agentIdOf, entityOf, reportOf, START } from './kit.ts'

/** An entity that always exists and must never be deleted. */
const LASTING = 'lasting'

/** The first token of a store. */
const SENDER: Parameters<Store['agents']['heartbeat']>[0] = {
  ...{ kind: 'token', id: 1, created_at: START, expires_at: null },
  ...{ environment: 'e', agent_type: 'docker' },
}

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
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop' as const), whose: fc.nat(), which: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('lead' as const),
      whose: fc.nat(2),
      heartbeat: fc.boolean(),
      ahead: fc.integer({ min: -60, max: 60 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('heartbeat' as const) }) },
)

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

/** A replica of an agent. */
interface Instance {
  readonly name: string
  sequence: number
  termId: string
  /** Entities that the platform has received, as the instance believes; `undefined` when a snapshot is due. */
  known: Map<string, string> | undefined
  readonly outbox: Report[]
}

/**
 * Disturbances of a run. Lost heartbeats and wrong clocks exclude each other, since nothing would order leader terms
 * then. Restarts are those of a single instance.
 */
type Trouble = 'lost heartbeats' | 'wrong clocks' | 'restarts'

/** Creates the instances of an agent and the entities that they watch. */
function createWorld(store: Store, trouble: Trouble) {
  const world = new Map([[LASTING, 'x']])
  const instances = ['a', 'b', 'c'].map(
    (name): Instance => ({ name, sequence: 0, termId: '', known: undefined, outbox: [] }),
  )
  const delivered: Report[] = []
  let leader = instances[0] as Instance
  let time = START
  let startedAt = START
  let changes = 0

  const heartbeat = async (): Promise<void> => {
    await store.agents.heartbeat(
      SENDER,
      {
        agent_id: agentIdOf('first'),
        agent_type: 'docker',
        agent_version: '1.0.0',
        agent_name: 'docker',
        started_at: new Date(startedAt).toISOString(),
        sequence: 0,
        collectors: {},
        outbox: { reports: 0, bytes: 0, dropped: 0 },
        ...(leader.termId === '' ? {} : { instance_id: leader.name, role: 'leader', lead_id: leader.termId }),
      },
      30,
      time,
    )
  }
  const emit = (entities: readonly ReportedEntity[], rest: Partial<Report>): void => {
    time += 10
    leader.outbox.push(
      reportOf(
        { entities: [...entities] },
        {
          report_id: v7({ msecs: time }),
          timestamp: new Date(time).toISOString(),
          sequence: leader.sequence++,
          ...(leader.termId === '' ? {} : { lead_id: leader.termId }),
          ...rest,
        },
      ),
    )
  }
  const snapshot = (parts: number): void => {
    leader.known = new Map(world)
    const entities = [...world].map(([id, name]) => entityOf(id, { name }))
    if (parts === 1) {
      emit(entities, { snapshot: true })
      return
    }
    time += 10
    const first = v7({ msecs: time })
    for (let number = 0; number < parts; number += 1)
      emit(
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
    await store.signals.write(SENDER, batch, time)
  }
  const lead = async (instance: Instance, heartbeatArrives: boolean, ahead: number): Promise<void> => {
    time += 1000
    if (trouble === 'restarts') {
      // A restart loses undelivered reports.
      Object.assign(leader, { sequence: 0, known: undefined })
      leader.outbox.length = 0
      startedAt = time
      if (heartbeatArrives) await heartbeat()
      return
    }
    leader = instance
    instance.termId = v7({ msecs: time + (trouble === 'wrong clocks' ? ahead * 1000 : 0) })
    instance.known = undefined
    if (heartbeatArrives || trouble === 'wrong clocks') await heartbeat()
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
        const deleted = [...before.keys()].filter((id) => !world.has(id))
        leader.known = new Map(world)
        return emit(
          [
            ...changed.map(([id, name]) => entityOf(id, { name })),
            ...deleted.map((id) => entityOf(id, { deleted: true as const })),
          ],
          {},
        )
      }
      case 'snapshot':
        return snapshot(one.parts)
      case 'deliver':
        return deliver(outboxOf(one.whose), one.count)
      case 'repeat': {
        const repeated = delivered[one.which % Math.max(1, delivered.length)]
        if (repeated !== undefined) await store.signals.write(SENDER, [repeated], time)
        return
      }
      case 'drop': {
        const instance = outboxOf(one.whose)
        if (instance.outbox.length > 0) instance.outbox.splice(one.which % instance.outbox.length, 1)
        if (instance === leader) instance.known = undefined
        return
      }
      case 'lead':
        return lead(outboxOf(one.whose), one.heartbeat, one.ahead)
      case 'heartbeat':
        return heartbeat()
    }
  }
  return { world, instances, perform, lead, deliver, snapshot, leader: () => leader }
}

const session = createReadSession(new AbortController().signal, 0)

/** Returns the names of entities, empty for deleted ones. */
async function entitiesOf(store: Store): Promise<Map<string, string>> {
  const [agent] = await store.agents.find(agentIdOf('first'), {})
  if (agent === undefined) return new Map()
  const { items } = await store.signals.entities(agent.key, { includeDeleted: true }, { limit: 100 }, session)
  return new Map(items.map(({ id, name, deleted_at }) => [id, deleted_at === null ? name : '']))
}

const alive = (entities: ReadonlyMap<string, string>): Map<string, string> =>
  new Map([...entities].filter(([, name]) => name !== ''))

describe('the store', () => {
  test.each<Trouble>(['lost heartbeats', 'wrong clocks', 'restarts'])(
    'contains the entities of the last leader after late, repeated and dropped reports: %s',
    async (trouble) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { maxLength: 60, size: 'max' }),
          fc.infiniteStream(fc.nat()),
          async (steps, random) => {
            const store = await openStore('sqlite::memory:')
            try {
              await store.access.provision(
                {
                  ...{ environment: 'e', agent_type: 'docker', hash: 'h', created_at: START },
                  ...{ joinable_until: null, max_agents: null },
                },
                { config: {}, withheld: [], limits: { ttlMs: null, uses: null } },
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
              // The next snapshot deletes entities that only a late report contained.
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
    300_000,
  )
})
