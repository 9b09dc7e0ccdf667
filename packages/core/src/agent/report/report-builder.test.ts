import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { exampleConnector, host, signals } from '../../../test/example-connector.ts'
import type { Connector } from '../../connector/connector.ts'
import type { Gap, Signals } from '../../connector/signals.ts'
import { createRedactor } from '../../delivery/report-redactor.ts'
import { REPORT_LIMITS, type Report, reportSchema } from '../../platform/protocol.ts'
import type { CollectorRun } from '../collect/collector-health.ts'
import { createSignalValidator, type ValidatedSignals } from '../validate/validate-signals.ts'
import { createPendingResyncs, createReportBuilder, type ReportBuilder } from './report-builder.ts'
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

function reportsOf(...collectors: string[]): ReportBuilder {
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
function afterLostReport(collector: string): ReportBuilder {
  vi.useFakeTimers({ toFake: ['performance'] })
  onTestFinished(() => void vi.useRealTimers())
  const reports = reportsOf(collector)
  reports.resync()
  return reports
}

function runOf(name: string, said: Signals | ValidatedSignals, ok = true): CollectorRun {
  return { collector: name, ok, durationMs: 5, signals: 'problems' in said ? said : check(said) }
}

function parsed(json: Uint8Array): Report {
  return reportSchema.parse(JSON.parse(Buffer.from(json).toString())) as Report
}

/** The parts of the next report. */
function nextParts(reports: ReportBuilder, gaps: readonly Gap[] = []): Report[] {
  const parts: Report[] = []
  // One by one: each is written in the place of the one before.
  for (const part of reports.next(reporter, outcomes, gaps)) {
    if (part === undefined) continue
    const report = parsed(part.json)
    expect(report.report_id).toBe(part.id)
    parts.push(report)
  }
  return parts
}

/** The next report, which is whole. */
function next(reports: ReportBuilder, gaps: readonly Gap[] = []): Report {
  const [report, ...others] = nextParts(reports, gaps)
  expect(others).toEqual([])
  if (report === undefined) throw new Error('there is no report')
  return report
}

/** The hosts in the next report, and whether it is a snapshot. */
function nextHosts(reports: ReportBuilder): string[] {
  const { data, snapshot } = next(reports)
  const hosts = data.entities.filter((entity) => entity.type === 'host')
  return [...hosts.map(({ id, deleted }) => (deleted ? `-${id}` : id)), ...(snapshot ? ['snapshot'] : [])]
}

describe('ReportBuilder', () => {
  test('requests one full snapshot per collector after a resync, but not across leader terms', () => {
    const reports = reportsOf('load', 'disks')
    expect(reports.takePendingResync('load')).toBe(false)
    reports.resync()
    expect([reports.takePendingResync('load'), reports.takePendingResync('load')]).toEqual([true, false])
    reports.standby()
    reports.promote()
    expect(reports.takePendingResync('disks')).toBe(false)
  })

  test('keeps a pending resync when the full snapshot fails', () => {
    const reports = afterLostReport('load')
    for (const ok of [false, true]) {
      expect(reports.takePendingResync('load')).toBe(true)
      reports.addRun({ ...runOf('load', {}, ok), fullSnapshot: true })
      vi.advanceTimersByTime(60_000)
    }
    expect(reports.takePendingResync('load')).toBe(false)
  })

  test('clears a pending resync even if some signals were left out', () => {
    const reports = afterLostReport('load')
    expect(reports.takePendingResync('load')).toBe(true)
    const { signals: said, ...run } = runOf('load', {}, false)
    reports.addRun({ ...run, fullSnapshot: true, signals: { ...said, problems: ['`unknown` is not declared'] } })
    vi.advanceTimersByTime(60_000)
    expect(reports.takePendingResync('load')).toBe(false)
  })

  test('reports what was added since the last report', () => {
    const reports = reportsOf('load')
    expect(reports.hasContent()).toBe(false)
    reports.addRun(runOf('load', { entities: [entityOf('a')], metrics: [signals.load.point(1, host)] }))
    reports.addWatched(check({ events: [rebooted] }))
    expect(reports.hasContent()).toBe(true)
    const first = next(reports, [{ scope: 'x', reason: 'y', since: at.toISOString() }])
    expect(reportSchema.parse(first)).toMatchObject({
      agent_id: reporter.agentId,
      agent_type: 'example',
      agent_version: '1.0.0',
      sequence: 0,
      timestamp: at.toISOString(),
      snapshot: true,
      data: { events: [rebooted], gaps: [{ scope: 'x' }, { scope: 'entity:host/host-1' }] },
    })
    expect(first.data.metrics.filter(({ name }) => name === 'host.load')).toHaveLength(1)
    expect(reports.hasContent()).toBe(false)
    const second = next(reports)
    expect(second).toMatchObject({ sequence: 1, data: { entities: [], events: [] } })
    expect(second.data.gaps).toMatchObject([{ scope: 'entity:host/host-1' }])
    expect(second.report_id).not.toBe(first.report_id)
    expect(second.data.metrics.filter(({ name }) => name === 'host.load')).toEqual([])
  })

  test('orders points by collector, whichever ends first, so that they are the same set of series', () => {
    const reports = reportsOf('fast', 'slow')
    const names = (): string[] =>
      next(reports).data.metrics.map(({ name, attributes }) => `${name} ${Object.values(attributes).join()}`)
    reports.addRun(runOf('fast', { metrics: [signals.load.point(1, host)] }))
    reports.addRun(runOf('slow', { metrics: [signals.load.point(2, entityOf('b'))] }))
    const before = names()
    reports.addRun(runOf('slow', { metrics: [signals.load.point(2, entityOf('b'))] }))
    reports.addRun(runOf('fast', { metrics: [signals.load.point(1, host)] }))
    expect(names()).toEqual(before)
  })

  test('reports metrics of the agent itself', () => {
    const reports = reportsOf('load')
    reports.addRun(runOf('load', {}))
    const { entities, metrics } = next(reports).data
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

  test('marks a snapshot once every collector has succeeded', () => {
    const reports = reportsOf('fast', 'slow')
    reports.addRun(runOf('fast', { entities: [entityOf('a')] }))
    expect(nextHosts(reports)).toEqual(['a'])
    expect(nextHosts(reports)).toEqual([])
    reports.addRun(runOf('slow', { entities: [entityOf('b')] }))
    expect(nextHosts(reports)).toEqual(['a', 'b', 'snapshot'])
    expect(nextHosts(reports)).toEqual([])
  })

  test('marks a snapshot except for what could not be read, as long as it cannot', () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const reports = reportsOf('fast', 'partial')
    reports.addRun(runOf('fast', { entities: [entityOf('a')] }))
    const unread = [{ type: 'host', id: 'b' }, { type: 'host', id: 'b' }, { type: 'disk' }]
    reports.addRun(runOf('partial', { entities: [], metrics: [], events: [], gaps: [], unread, problems: [] }))
    const first = next(reports)
    expect(first.snapshot).toBeUndefined()
    expect(first.snapshot_except).toEqual([{ type: 'host', id: 'b' }, { type: 'disk' }])
    vi.advanceTimersByTime(10 * 60_000)
    reports.addRun(runOf('partial', { entities: [entityOf('b')] }))
    expect(nextHosts(reports)).toEqual(['a', 'b', 'snapshot'])
  })

  test('names types in place of very many entities that could not be read', () => {
    const reports = reportsOf('partial')
    const unread = Array.from({ length: 1001 }, (_, index) => ({ type: 'host', id: String(index) }))
    const run = runOf('partial', { entities: [], metrics: [], events: [], gaps: [], unread, problems: [] })
    expect(reports.fullReport(reporter, [run], outcomes).snapshot_except).toEqual([{ type: 'host' }])
  })

  test('has a gap while no collector describes the agent’s own entity', () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const reports = reportsOf('hosts')
    const gap = { scope: `entity:${host.type}/${host.id}`, since: at.toISOString() }
    for (const entities of [[entityOf('a')], [entityOf('b')]]) {
      reports.addRun(runOf('hosts', { entities }))
      expect(next(reports).data.gaps).toMatchObject([gap])
    }
    reports.addRun(runOf('hosts', { entities: [entityOf(host.id)] }))
    vi.advanceTimersByTime(10 * 60_000)
    expect(next(reports).data.gaps).toEqual([])
  })

  test('keeps the entities of a failed collector', () => {
    const reports = reportsOf('hosts')
    reports.addRun(runOf('hosts', { entities: [entityOf('a'), entityOf('b')] }))
    nextHosts(reports)
    reports.addRun(runOf('hosts', {}, false))
    expect(nextHosts(reports)).toEqual([])
  })

  test('keeps the valid signals of a run with problems', () => {
    const reports = reportsOf('hosts')
    reports.addRun(runOf('hosts', { entities: [entityOf('a')], metrics: [] }, false))
    expect(nextHosts(reports)).toEqual(['a'])
    reports.addRun(runOf('hosts', { entities: [entityOf('b')] }))
    expect(nextHosts(reports)).toEqual(['b', '-a', 'snapshot'])
  })

  test('reports entities of watchers beside those of collectors', () => {
    const reports = reportsOf('hosts')
    reports.addRun(runOf('hosts', { entities: [entityOf('a', 'collected')] }))
    reports.addWatched(check({ entities: [entityOf('a', 'watched'), entityOf('w', 'old'), entityOf('w', 'new')] }))
    const { entities } = next(reports).data
    const hosts = entities.filter(({ type }) => type === 'host')
    expect(hosts.map(({ id, attributes }) => `${id} ${String(attributes.note)}`)).toEqual(['a collected', 'w new'])
  })

  test('builds a full report, which is a snapshot unless a collector failed', () => {
    const reports = reportsOf('hosts', 'load')
    const said = [
      runOf('hosts', { entities: [entityOf('a')] }),
      runOf('load', { metrics: [signals.load.point(1, host)] }),
    ]
    const alone = reports.fullReport(reporter, said, outcomes)
    expect(reportSchema.parse(alone)).toMatchObject({ snapshot: true, sequence: 0 })
    expect(alone.data.entities.map(({ type }) => type).sort()).toEqual(['host', 'rca.agent'])
    expect(
      reports.fullReport(reporter, [runOf('hosts', {}), runOf('load', {}, false)], outcomes).snapshot,
    ).toBeUndefined()
    // It takes nothing away from the reports that follow each other.
    expect(reports.hasContent()).toBe(false)
  })

  test('limits a full report to what the platform accepts, with a gap for the rest', () => {
    const reports = reportsOf('flood')
    const events = Array(REPORT_LIMITS.events + 5).fill(rebooted)
    const run = runOf('flood', { entities: [], metrics: [], events, gaps: [], unread: [], problems: [] })
    const { data, snapshot } = reports.fullReport(reporter, [run], outcomes)
    expect(data.events).toHaveLength(REPORT_LIMITS.events)
    expect(data.gaps).toMatchObject([
      { scope: 'report:events', reason: 'one report carries at most 50000 events: 5 were left out' },
    ])
    expect(snapshot).toBeUndefined()
  })

  test('reports streamed points in the next report, also while others are added', () => {
    const reports = reportsOf('load')
    const loads = (index: number): number[] =>
      parts[index]?.data.metrics.filter(({ name }) => name === 'host.load').map(({ value }) => value) ?? []
    const addLoad = (value: number): void =>
      reports.addMetrics(validator.validateMetrics([signals.load.point(value, host)], validator.problems()))
    addLoad(1)
    addLoad(2)
    expect(reports.hasContent()).toBe(true)
    const writing = reports.next(reporter, outcomes, [])
    writing.next()
    addLoad(3)
    const parts = [...writing].filter((part) => part !== undefined).map(({ json }) => parsed(json))
    parts.push(next(reports))
    expect([loads(0), loads(1)]).toEqual([[1, 2], [3]])
    addLoad(4)
    reports.standby()
    expect(reports.hasContent()).toBe(false)
  })

  test('splits streamed points into parts that the platform accepts', () => {
    const reports = reportsOf('load')
    const note = 'x'.repeat(30_000)
    const many = Array.from({ length: 300 }, (_, value) => signals.load.point(value, host, { note }))
    reports.addMetrics(validator.validateMetrics(many, validator.problems()))
    expect(reports.isFull()).toBe(true)
    const parts = nextParts(reports)
    for (const part of parts) expect(JSON.stringify(part).length).toBeLessThan(MAX_PART_BYTES + 10_000)
    const load = parts.flatMap(({ data }) => data.metrics.filter(({ name }) => name === 'host.load'))
    expect(load.map(({ value }) => value)).toEqual(many.map((_, value) => value))
  })

  test('drops streamed points when another agent becomes leader', () => {
    const reports = reportsOf('load')
    reports.standby()
    reports.addMetrics(validator.validateMetrics([signals.load.point(1, host)], validator.problems()))
    reports.promote()
    expect(reports.hasContent()).toBe(false)
  })

  describe('a report that is too large', () => {
    const note = 'x'.repeat(30_000)
    const many = Array.from({ length: 200 }, (_, index) => entityOf(String(index), note))
    const points = Array.from({ length: 100 }, (_, index) => signals.load.point(index, host, { note }))
    const gap = { scope: 'x', reason: 'y', since: at.toISOString() }

    test('is split into parts, in order, with each signal once', () => {
      const reports = reportsOf('flood')
      reports.addRun(runOf('flood', { entities: many, metrics: points, events: [rebooted] }))
      const parts = nextParts(reports, [gap])
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
      const hosts = parts.flatMap(({ data }) => data.entities.filter(({ type }) => type === 'host'))
      expect(hosts.map(({ id }) => id)).toEqual(many.map(({ id }) => id))
      const load = parts.flatMap(({ data }) => data.metrics.filter(({ name }) => name === 'host.load'))
      expect(load.map(({ value }) => value)).toEqual(points.map((_, index) => index))
      expect(parts.map(({ data }) => data.events.length)).toEqual(parts.map((_, index) => (index === 0 ? 1 : 0)))
      for (const part of parts) expect(JSON.stringify(part).length).toBeLessThan(MAX_PART_BYTES + 10_000)
      // An older platform takes a gap that the newest report does not name for closed.
      expect(parts.map(({ data }) => data.gaps[0])).toEqual(parts.map(() => gap))
      expect(next(reports)).toMatchObject({ sequence: parts.length })
    })

    test('is not a snapshot if it holds only changes', () => {
      const reports = reportsOf('flood')
      reports.addRun(runOf('flood', { entities: [] }))
      next(reports)
      reports.addRun(runOf('flood', { entities: many }))
      const parts = nextParts(reports)
      expect(parts.length).toBeGreaterThan(1)
      expect(parts.every(({ part, snapshot }) => part?.snapshot === undefined && snapshot === undefined)).toBe(true)
    })

    test('names in each part what could not be read', () => {
      const reports = reportsOf('flood')
      reports.addRun(runOf('flood', { entities: many, unread: [{ type: 'host', id: 'b' }] }))
      const parts = nextParts(reports)
      expect(parts.length).toBeGreaterThan(1)
      for (const { part } of parts)
        expect([part?.snapshot, part?.snapshot_except]).toEqual([undefined, [{ type: 'host', id: 'b' }]])
    })

    test('leaves out gaps that exceed the limit', () => {
      const reports = reportsOf('flood')
      const gaps = Array.from({ length: 1000 }, (_, index) => ({
        ...gap,
        scope: String(index),
        reason: 'y'.repeat(4000),
      }))
      const { data } = next(reports, gaps)
      expect(data.gaps[0]).toMatchObject({ scope: 'report:gaps', reason: expect.stringContaining('were left out') })
      expect(data.gaps.length).toBeGreaterThan(100)
      expect(JSON.stringify(data).length).toBeLessThan(600_000)
    })
  })
})

describe('PendingResyncs', () => {
  test('is taken once', () => {
    const resyncs = createPendingResyncs()
    expect(resyncs.take('pods', 0)).toBe(false)
    resyncs.add(['pods', 'nodes'])
    expect(resyncs.take('pods', 1)).toBe(true)
    expect(resyncs.take('pods', 100_000)).toBe(false)
    expect(resyncs.take('nodes', 100_000)).toBe(true)
  })

  test('is taken at most once a minute, however often reports are lost', () => {
    const resyncs = createPendingResyncs()
    resyncs.add(['pods'])
    expect(resyncs.take('pods', 0)).toBe(true)
    for (const now of [15_000, 30_000, 45_000, 59_999]) {
      resyncs.add(['pods'])
      expect(resyncs.take('pods', now)).toBe(false)
    }
    expect(resyncs.take('pods', 60_000)).toBe(true)
    expect(resyncs.take('pods', 120_000)).toBe(false)
  })

  test('is empty after `clear`', () => {
    const resyncs = createPendingResyncs()
    resyncs.add(['pods'])
    resyncs.clear()
    expect(resyncs.take('pods', 0)).toBe(false)
  })
})
