import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { exampleConnector, host, signals } from '../../../test/example-connector.ts'
import type { Connector } from '../../connector/connector.ts'
import { createRedactor } from '../../delivery/report-redactor.ts'
import type { InterruptibleTask } from '../../event-loop.ts'
import { type Report, reportSchema } from '../../platform/protocol.ts'
import { createSignalValidator } from '../validate/validate-signals.ts'
import { createReportBuilder } from './report-builder.ts'
import type { WrittenReport } from './report-splitter.ts'

const validator = createSignalValidator(signals)
const check = validator.validate
const reporter = { agentId: '3f1b9c0e-8f5e-5d1b-9a55-2d3c9f8b7a60', observes: host }
const outcomes = { gaps: () => [], failures: () => new Map<string, number>() }
const write = createRedactor([]).write
/** Hosts that each collector sees. Both see two of them. */
const SEES = { first: ['0', '1', '2', '3'], second: ['2', '3', '4', '5'] } as const
type Name = keyof typeof SEES
const NAMES = Object.keys(SEES) as Name[]

const kinds = ['change', 'collect', 'watch', 'write', 'write', 'write', 'lose', 'other leads', 'leads', 'wait'] as const
const step = fc.record({ kind: fc.constantFrom(...kinds), number: fc.nat(7) })
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

/** The state of a platform that receives every report except lost ones. */
function createPlatform() {
  const hosts = new Map<string, unknown>()
  const events: (string | undefined)[] = []
  return {
    hosts,
    events,
    take: ({ data, snapshot, part }: Report): void => {
      expect(part).toBeUndefined()
      if (snapshot === true) hosts.clear()
      for (const { type, id, attributes, deleted } of data.entities)
        if (type === 'host') deleted === true ? hosts.delete(id) : hosts.set(id, attributes)
      events.push(...data.events.map(({ id }) => id))
    },
  }
}

/** An agent whose collectors end, whose watchers emit and whose role changes while a report is written. */
function createAgent() {
  const collectors = Object.fromEntries(NAMES.map((name) => [name, { collect: async () => ({}) }]))
  const reports = createReportBuilder({
    connector: exampleConnector({ collectors }) as Connector,
    agentVersion: '1.0.0',
    now: () => new Date(),
    write,
    outboxState: () => ({ reports: 0, bytes: 0, dropped: 0, oldestAt: undefined }),
  })
  const platform = createPlatform()
  const world = new Map<string, number>([['0', 0]])
  const emitted: string[] = []
  const lost: (string | undefined)[] = []
  let writing: InterruptibleTask<WrittenReport> | undefined
  let losing = false
  let leads = true
  let versions = 0

  const deliver = ({ json }: WrittenReport): void => {
    const report = reportSchema.parse(JSON.parse(Buffer.from(json).toString())) as Report
    if (losing) {
      lost.push(...report.data.events.map(({ id }) => id))
      reports.resync()
    } else platform.take(report)
    losing = false
  }
  /** Continues the report in progress for some steps. */
  const writeSteps = (max: number): void => {
    if (writing === undefined && !leads) return
    writing ??= reports.next(reporter, outcomes, [])
    for (let steps = 0; steps < max; steps += 1) {
      const { done, value } = writing.next()
      if (value !== undefined) deliver(value)
      if (done !== true) continue
      writing = undefined
      return
    }
  }
  const collect = (name: Name): void => {
    if (!leads) return
    const seen = SEES[name].filter((id) => world.has(id))
    const entities = seen.map((id) => signals.host.entity({ id, attributes: { [`by.${name}`]: world.get(id) } }))
    reports.addRun({ collector: name, ok: true, durationMs: 1, signals: check({ entities }) })
  }
  const lead = (): void => {
    if (!leads) reports.promote()
    leads = true
  }
  const perform = ({ kind, number }: Step): void => {
    if (kind === 'change') {
      const id = String(number % 6)
      if (!world.delete(id) || number > 3) world.set(id, versions++)
    }
    if (kind === 'collect') collect(NAMES[number % 2] as Name)
    if (kind === 'watch') {
      const id = `event ${emitted.length}`
      emitted.push(id)
      reports.addWatched(check({ events: [signals.rebooted.event({ id, at: new Date(), entity: host, body: '' })] }))
    }
    if (kind === 'write') writeSteps(1 + number)
    if (kind === 'lose') losing = true
    if (kind === 'other leads' && leads) {
      reports.standby()
      leads = false
    }
    if (kind === 'leads') lead()
    // In total less than the two minutes for which a standby keeps events.
    if (kind === 'wait') vi.advanceTimersByTime(250 * number)
  }
  /** Collects and reports everything, often enough to recover from a loss. */
  const settle = (): void => {
    lead()
    losing = false
    if (writing !== undefined) writeSteps(1e6)
    for (let times = 0; times < 2; times += 1) {
      for (const name of NAMES) collect(name)
      writeSteps(1e6)
      vi.advanceTimersByTime(60_000)
    }
  }
  return { perform, settle, platform, world, emitted, lost }
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'Date'] }))
afterEach(() => void vi.useRealTimers())

test('whatever happens while a report is written, the platform receives every change, and each event once', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
      const { perform, settle, platform, world, emitted, lost } = createAgent()
      for (const one of steps) perform(one)
      settle()
      const expected = [...world].map(([id, version]) => {
        const by = NAMES.filter((name) => (SEES[name] as readonly string[]).includes(id))
        return [id, Object.fromEntries(by.map((name) => [`by.${name}`, version]))]
      })
      expect(Object.fromEntries(platform.hosts)).toEqual(Object.fromEntries(expected))
      expect([...platform.events, ...lost].sort()).toEqual([...emitted].sort())
    }),
    { numRuns: 300 },
  )
})
