import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { exampleConnector, host, signals } from '../../../test/example-connector.ts'
import type { Connector } from '../../connector/connector.ts'
import type { Gap, Signals } from '../../connector/signals.ts'
import { createRedactor } from '../../delivery/redaction.ts'
import { REPORT_LIMITS, type Report, reportSchema } from '../../platform/protocol.ts'
import type { CollectorRun } from '../collect/collector-health.ts'
import { createProblems, createSignalValidator, type ValidatedSignals } from '../validate/validate-signals.ts'
import { createReportBuilder, type ReportBuilder } from './report-builder.ts'
import { MAX_PART_BYTES } from './report-splitter.ts'

const validator = createSignalValidator(signals)
const check = validator.validate
const reporter = { agentId: '3f1b9c0e-8f5e-5d1b-9a55-2d3c9f8b7a60', observes: host }
const at = new Date('2026-01-23T10:00:00.000Z')
const collector = { collect: async () => ({}) }

const outcomes = { gaps: () => [], failures: () => new Map([['disks', 2]]) }
const rebooted = signals.rebooted.event({ at, entity: host, body: 'It was restarted.' })
const entityOf = (id: string, note?: string): ReturnType<typeof signals.host.entity> =>
  signals.host.entity({ id, attributes: { note } })

function reportingOf(...collectors: string[]): ReportBuilder {
  const connector = exampleConnector({ collectors: Object.fromEntries(collectors.map((name) => [name, collector])) })
  return createReportBuilder({
    connector: connector as Connector,
    agentVersion: '1.0.0',
    now: () => at,
    write: createRedactor([]).write,
    outboxState: () => ({ reports: 1, bytes: 2, dropped: 3, oldestAt: undefined }),
  })
}

/** A report got lost, and time passes only by `vi`. */
function owing(collector: string): ReportBuilder {
  vi.useFakeTimers({ toFake: ['performance'] })
  onTestFinished(() => void vi.useRealTimers())
  const reporting = reportingOf(collector)
  reporting.resync()
  return reporting
}

function runOf(name: string, said: Signals | ValidatedSignals, ok = true): CollectorRun {
  return { collector: name, ok, durationMs: 5, signals: 'problems' in said ? said : check(said) }
}

function parsed(json: Uint8Array): Report {
  return reportSchema.parse(JSON.parse(Buffer.from(json).toString())) as Report
}

/** The parts of the next report. */
function nextParts(reporting: ReportBuilder, gaps: readonly Gap[] = []): Report[] {
  const parts: Report[] = []
  // One by one: each is written in the place of the one before.
  for (const part of reporting.next(reporter, outcomes, gaps)) {
    if (part === undefined) continue
    const report = parsed(part.json)
    expect(report.report_id).toBe(part.id)
    parts.push(report)
  }
  return parts
}

/** The next report, which is whole. */
function next(reporting: ReportBuilder, gaps: readonly Gap[] = []): Report {
  const [report, ...others] = nextParts(reporting, gaps)
  expect(others).toEqual([])
  if (report === undefined) throw new Error('there is no report')
  return report
}

/** The hosts in the next report, and whether it is a snapshot. */
function nextHosts(reporting: ReportBuilder): string[] {
  const { data, snapshot } = next(reporting)
  const hosts = data.entities.filter((entity) => entity.type === 'host')
  return [...hosts.map(({ id, deleted }) => (deleted ? `-${id}` : id)), ...(snapshot ? ['snapshot'] : [])]
}

test('once a report got lost, what every collector tells is owed once, and not from one lead to the next', () => {
  const reporting = reportingOf('load', 'disks')
  expect(reporting.takePendingResync('load')).toBe(false)
  reporting.resync()
  expect([reporting.takePendingResync('load'), reporting.takePendingResync('load')]).toEqual([true, false])
  reporting.standby()
  reporting.promote()
  expect(reporting.takePendingResync('disks')).toBe(false)
})

test('what a collector owes it owes still when its run failed', () => {
  const reporting = owing('load')
  for (const ok of [false, true]) {
    expect(reporting.takePendingResync('load')).toBe(true)
    reporting.addRun({ ...runOf('load', {}, ok), fullSnapshot: true })
    vi.advanceTimersByTime(60_000)
  }
  expect(reporting.takePendingResync('load')).toBe(false)
})

test('what a collector tells is not owed for ever because something of it is left out each time', () => {
  const reporting = owing('load')
  expect(reporting.takePendingResync('load')).toBe(true)
  const { signals: said, ...run } = runOf('load', {}, false)
  reporting.addRun({ ...run, fullSnapshot: true, signals: { ...said, problems: ['`unknown` is not declared'] } })
  vi.advanceTimersByTime(60_000)
  expect(reporting.takePendingResync('load')).toBe(false)
})

test('a report carries what was added since the one before', () => {
  const reporting = reportingOf('load')
  expect(reporting.hasContent()).toBe(false)
  reporting.addRun(runOf('load', { entities: [entityOf('a')], metrics: [signals.load.point(1, host)] }))
  reporting.addWatched(check({ events: [rebooted] }))
  expect(reporting.hasContent()).toBe(true)
  const first = next(reporting, [{ scope: 'x', reason: 'y', since: at.toISOString() }])
  expect(reportSchema.parse(first)).toMatchObject({
    agent_id: reporter.agentId,
    agent_type: 'example',
    agent_version: '1.0.0',
    sequence: 0,
    timestamp: at.toISOString(),
    snapshot: true,
    data: { events: [rebooted], gaps: [{ scope: 'x' }] },
  })
  expect(first.data.metrics.filter(({ name }) => name === 'host.load')).toHaveLength(1)
  expect(reporting.hasContent()).toBe(false)
  const second = next(reporting)
  expect(second).toMatchObject({ sequence: 1, data: { entities: [], events: [], gaps: [] } })
  expect(second.report_id).not.toBe(first.report_id)
  expect(second.data.metrics.filter(({ name }) => name === 'host.load')).toEqual([])
})

test('an agent tells how it is itself', () => {
  const reporting = reportingOf('load')
  reporting.addRun(runOf('load', {}))
  const { entities, metrics } = next(reporting).data
  expect(entities).toMatchObject([{ type: 'rca.agent', id: reporter.agentId, relations: [{ target: host }] }])
  expect(Object.fromEntries(metrics.map(({ name, value }) => [name, value]))).toMatchObject({
    'rca.collector.duration': 0.005,
    'rca.collector.failures': 2,
    'rca.outbox.reports': 1,
    'rca.outbox.size': 2,
    'rca.outbox.dropped': 3,
    'process.memory.usage': expect.any(Number),
    'process.cpu.time': expect.any(Number),
  })
})

test('there is a snapshot as soon as every collector has succeeded', () => {
  const reporting = reportingOf('fast', 'slow')
  reporting.addRun(runOf('fast', { entities: [entityOf('a')] }))
  expect(nextHosts(reporting)).toEqual(['a'])
  expect(nextHosts(reporting)).toEqual([])
  reporting.addRun(runOf('slow', { entities: [entityOf('b')] }))
  expect(nextHosts(reporting)).toEqual(['a', 'b', 'snapshot'])
  expect(nextHosts(reporting)).toEqual([])
})

test('a collector that fails leaves its entities as they were', () => {
  const reporting = reportingOf('hosts')
  reporting.addRun(runOf('hosts', { entities: [entityOf('a'), entityOf('b')] }))
  nextHosts(reporting)
  reporting.addRun(runOf('hosts', {}, false))
  expect(nextHosts(reporting)).toEqual([])
})

test('the good part of what a collector says counts', () => {
  const reporting = reportingOf('hosts')
  reporting.addRun(runOf('hosts', { entities: [entityOf('a')], metrics: [] }, false))
  expect(nextHosts(reporting)).toEqual(['a'])
  reporting.addRun(runOf('hosts', { entities: [entityOf('b')] }))
  expect(nextHosts(reporting)).toEqual(['b', '-a', 'snapshot'])
})

test('watchers may tell of entities beside the collectors', () => {
  const reporting = reportingOf('hosts')
  reporting.addRun(runOf('hosts', { entities: [entityOf('a', 'collected')] }))
  reporting.addWatched(check({ entities: [entityOf('a', 'watched'), entityOf('w', 'old'), entityOf('w', 'new')] }))
  const { entities } = next(reporting).data
  const hosts = entities.filter(({ type }) => type === 'host')
  expect(hosts.map(({ id, attributes }) => `${id} ${String(attributes.note)}`)).toEqual(['a collected', 'w new'])
})

test('a report that stands alone carries everything, and is a snapshot when nothing failed', () => {
  const reporting = reportingOf('hosts', 'load')
  const said = [
    runOf('hosts', { entities: [entityOf('a')] }),
    runOf('load', { metrics: [signals.load.point(1, host)] }),
  ]
  const alone = reporting.fullReport(reporter, said, outcomes)
  expect(reportSchema.parse(alone)).toMatchObject({ snapshot: true, sequence: 0 })
  expect(alone.data.entities.map(({ type }) => type).sort()).toEqual(['host', 'rca.agent'])
  expect(
    reporting.fullReport(reporter, [runOf('hosts', {}), runOf('load', {}, false)], outcomes).snapshot,
  ).toBeUndefined()
  // It takes nothing away from the reports that follow each other.
  expect(reporting.hasContent()).toBe(false)
})

test('a report that stands alone carries no more than the platform takes, and says what it leaves out', () => {
  const reporting = reportingOf('flood')
  const events = Array(REPORT_LIMITS.events + 5).fill(rebooted)
  const run = runOf('flood', { entities: [], metrics: [], events, gaps: [], problems: [] })
  const { data, snapshot } = reporting.fullReport(reporter, [run], outcomes)
  expect(data.events).toHaveLength(REPORT_LIMITS.events)
  expect(data.gaps).toMatchObject([
    { scope: 'report:events', reason: 'one report carries at most 50000 events: 5 were left out' },
  ])
  expect(snapshot).toBeUndefined()
})

test('points that were told are in the next report, whatever is told while it is written', () => {
  const reporting = reportingOf('load')
  const told = (index: number): number[] =>
    parts[index]?.data.metrics.filter(({ name }) => name === 'host.load').map(({ value }) => value) ?? []
  const tell = (value: number): void =>
    reporting.addMetrics(validator.validateMetrics([signals.load.point(value, host)], createProblems()))
  tell(1)
  tell(2)
  expect(reporting.hasContent()).toBe(true)
  const writing = reporting.next(reporter, outcomes, [])
  writing.next()
  tell(3)
  const parts = [...writing].filter((part) => part !== undefined).map(({ json }) => parsed(json))
  parts.push(next(reporting))
  expect([told(0), told(1)]).toEqual([[1, 2], [3]])
  tell(4)
  reporting.standby()
  expect(reporting.hasContent()).toBe(false)
})

test('points that were told are in parts that the platform takes, however many they are', () => {
  const reporting = reportingOf('load')
  const note = 'x'.repeat(30_000)
  const many = Array.from({ length: 300 }, (_, value) => signals.load.point(value, host, { note }))
  reporting.addMetrics(validator.validateMetrics(many, createProblems()))
  expect(reporting.isFull()).toBe(true)
  const parts = nextParts(reporting)
  for (const part of parts) expect(JSON.stringify(part).length).toBeLessThan(MAX_PART_BYTES + 10_000)
  const load = parts.flatMap(({ data }) => data.metrics.filter(({ name }) => name === 'host.load'))
  expect(load.map(({ value }) => value)).toEqual(many.map((_, value) => value))
})

test('points that were told before another agent led are not told after it', () => {
  const reporting = reportingOf('load')
  reporting.standby()
  reporting.addMetrics(validator.validateMetrics([signals.load.point(1, host)], createProblems()))
  reporting.promote()
  expect(reporting.hasContent()).toBe(false)
})

describe('what is too large for one report', () => {
  const note = 'x'.repeat(30_000)
  const many = Array.from({ length: 200 }, (_, index) => entityOf(String(index), note))
  const points = Array.from({ length: 100 }, (_, index) => signals.load.point(index, host, { note }))
  const gap = { scope: 'x', reason: 'y', since: at.toISOString() }

  test('is told in parts, in order, each signal once', () => {
    const reporting = reportingOf('flood')
    reporting.addRun(runOf('flood', { entities: many, metrics: points, events: [rebooted] }))
    const parts = nextParts(reporting, [gap])
    expect(parts.length).toBeGreaterThan(3)
    const [first] = parts
    expect(parts.map(({ part }) => part?.number)).toEqual(parts.map((_, index) => index))
    expect(parts.map(({ sequence }) => sequence)).toEqual(parts.map((_, index) => index))
    expect(parts.map(({ part }) => part?.last)).toEqual(
      parts.map((_, index) => index === parts.length - 1 || undefined),
    )
    expect(new Set(parts.map(({ part }) => part?.first))).toEqual(new Set([first?.report_id]))
    expect(parts.every(({ part, snapshot }) => part?.snapshot === true && snapshot === undefined)).toBe(true)
    expect(parts.every(({ timestamp }) => timestamp === at.toISOString())).toBe(true)
    const ids = parts.map(({ report_id }) => report_id)
    expect(ids).toEqual([...ids].sort())
    const told = parts.flatMap(({ data }) => data.entities.filter(({ type }) => type === 'host'))
    expect(told.map(({ id }) => id)).toEqual(many.map(({ id }) => id))
    const load = parts.flatMap(({ data }) => data.metrics.filter(({ name }) => name === 'host.load'))
    expect(load.map(({ value }) => value)).toEqual(points.map((_, index) => index))
    expect(parts.map(({ data }) => data.events.length)).toEqual(parts.map((_, index) => (index === 0 ? 1 : 0)))
    for (const part of parts) expect(JSON.stringify(part).length).toBeLessThan(MAX_PART_BYTES + 10_000)
    // An older platform takes a gap that the newest report does not name for closed.
    expect(parts.map(({ data }) => data.gaps)).toEqual(parts.map(() => [gap]))
    expect(next(reporting)).toMatchObject({ sequence: parts.length })
  })

  test('is no snapshot where it holds changes only', () => {
    const reporting = reportingOf('flood')
    reporting.addRun(runOf('flood', { entities: [] }))
    next(reporting)
    reporting.addRun(runOf('flood', { entities: many }))
    const parts = nextParts(reporting)
    expect(parts.length).toBeGreaterThan(1)
    expect(parts.every(({ part, snapshot }) => part?.snapshot === undefined && snapshot === undefined)).toBe(true)
  })

  test('is told as far as there is room where it is gaps', () => {
    const reporting = reportingOf('flood')
    const gaps = Array.from({ length: 1000 }, (_, index) => ({
      ...gap,
      scope: String(index),
      reason: 'y'.repeat(4000),
    }))
    const { data } = next(reporting, gaps)
    expect(data.gaps[0]).toMatchObject({ scope: 'report:gaps', reason: expect.stringContaining('were left out') })
    expect(data.gaps.length).toBeGreaterThan(100)
    expect(JSON.stringify(data).length).toBeLessThan(600_000)
  })

  test('goes alone where it is a single signal', () => {
    const reporting = reportingOf('flood')
    const huge = signals.host.entity({
      id: 'huge',
      attributes: Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`note${index}`, note])),
    })
    reporting.addRun(runOf('flood', { entities: [entityOf('a'), huge, entityOf('b')] }))
    const parts = nextParts(reporting).map(({ data }) => data.entities.map(({ id }) => id))
    expect(parts).toEqual([[reporter.agentId, 'a'], ['huge'], ['b']])
  })
})
