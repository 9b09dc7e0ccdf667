import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { dataRequestSchema } from '@rca/core/protocol'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { acceptedShapes } from '../../../test/shapes.ts'

/** Steps of SQLite's virtual machine in one part, about 30 ms: an entity alone may have 4096 relations. */
const MAX_PART_STEPS = 700_000

const steps = vi.hoisted(() => ({ part: 0, most: 0, total: 0 }))

// Every pause ends a part, however fast the machine is.
vi.mock('@rca/core', async (importOriginal) => ({
  ...(await importOriginal<object>()),
  createTimeSlice: () => ({
    isOver: () => true,
    next: async () => {
      steps.most = Math.max(steps.most, steps.part)
      steps.part = 0
    },
  }),
}))

// Other test files of this worker may have loaded the store with the real pauses.
vi.resetModules()
const { openStore } = await import('../open-store.ts')
const { inParts } = await import('./write-parts.ts')

/** Counts the steps of all statements that are prepared from here on. */
function countStatements(): void {
  const { prepare } = DatabaseSync.prototype
  vi.spyOn(DatabaseSync.prototype, 'prepare').mockImplementation(function (this: DatabaseSync, text: string) {
    const statement = prepare.call(this, text)
    for (const name of ['all', 'run'] as const) {
      const execute = statement[name].bind(statement) as unknown as (...parameters: SQLInputValue[]) => never
      statement[name] = (...parameters: unknown[]) => {
        const result = execute(...(parameters as SQLInputValue[]))
        const { stat, resetStats } = statement as unknown as { stat(counter: string): number; resetStats(): void }
        const count = stat.call(statement, 'vmStep')
        resetStats.call(statement)
        steps.part += count
        steps.total += count
        return result
      }
    }
    return statement
  })
}

describe('the parts of a report', () => {
  test('are small, whatever fills it', async () => {
    countStatements()
    onTestFinished(() => void vi.restoreAllMocks())
    const limits = { series: 1e6, entities: 1e6, stateBytes: 1e9, eventsPerMinute: 1e6, agentsPerToken: 1e6 }
    const store = await openStore('sqlite::memory:', limits)
    onTestFinished(store.close)
    const token = {
      environment: 'e',
      agent_type: 'docker',
      hash: 'h',
      created_at: 0,
      joinable_until: null,
      max_agents: null,
    }
    await store.access.provision(token, { config: {}, withheld: [], limits: { ttlMs: null, uses: null } })
    const sender = { kind: 'token' as const, id: 1, ...token }
    Object.assign(steps, { part: 0, most: 0, total: 0 })
    for (const { name, path, body } of acceptedShapes(0.05)) {
      if (path !== 'data') continue
      const { reports } = dataRequestSchema.parse(JSON.parse(body()))
      Object.assign(steps, { part: 0, most: 0, total: 0 })
      await store.signals.write(sender, reports as never, Date.now())
      expect([name, Math.max(steps.most, steps.part) < MAX_PART_STEPS]).toEqual([name, true])
    }
  }, 120_000)

  test('contain every signal once, in order, and at least one', () => {
    const parts = [...inParts([1, 999, 1, 5000, 2, 3], (weight) => weight)]
    expect(parts).toEqual([
      [1, 999],
      [1, 5000],
      [2, 3],
    ])
    expect([...inParts([])]).toEqual([])
  })
})
