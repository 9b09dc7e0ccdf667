import { expect, test } from 'vitest'
import { exampleConnector, host, signals } from '../../test/example-connector.ts'
import type { Connector } from '../connector.ts'
import { REPORT_LIMITS, reportSchema } from '../platform/protocol.ts'
import type { Signals } from '../signals.ts'
import { type CheckedSignals, createSignalCheck } from './check-signals.ts'
import type { CollectorRun } from './collection-record.ts'
import { createReporting, type Reporting } from './reporting.ts'

const check = createSignalCheck(signals)
const reporter = { agentId: '3f1b9c0e-8f5e-5d1b-9a55-2d3c9f8b7a60', observes: host }
const at = new Date('2026-01-23T10:00:00.000Z')
const collector = { collect: async () => ({}) }

const outcomes = { gaps: () => [], failures: () => new Map([['disks', 2]]) }
const rebooted = signals.rebooted.event({ at, entity: host, body: 'It was restarted.' })
const entityOf = (id: string, note?: string): ReturnType<typeof signals.host.entity> =>
  signals.host.entity({ id, attributes: { note } })

function reportingOf(...collectors: string[]): Reporting {
  const connector = exampleConnector({ collectors: Object.fromEntries(collectors.map((name) => [name, collector])) })
  return createReporting({
    connector: connector as Connector,
    agentVersion: '1.0.0',
    now: () => at,
    outboxState: () => ({ reports: 1, bytes: 2, dropped: 3, oldestAt: undefined }),
  })
}

function runOf(name: string, said: Signals | CheckedSignals, ok = true): CollectorRun {
  return { collector: name, ok, durationMs: 5, signals: 'problems' in said ? said : check(said) }
}

/** The hosts in the next report, and whether it is a snapshot. */
function nextHosts(reporting: Reporting): string[] {
  const { data, snapshot } = reportSchema.parse(reporting.next(reporter, outcomes, []))
  const hosts = data.entities.filter((entity) => entity.type === 'host')
  return [...hosts.map(({ id, deleted }) => (deleted ? `-${id}` : id)), ...(snapshot ? ['snapshot'] : [])]
}

test('a report carries what was added since the one before', () => {
  const reporting = reportingOf('load')
  expect(reporting.hasNews()).toBe(false)
  reporting.add(runOf('load', { entities: [entityOf('a')], metrics: [signals.load.point(1, host)] }))
  reporting.addWatched(check({ events: [rebooted] }))
  expect(reporting.hasNews()).toBe(true)
  const first = reporting.next(reporter, outcomes, [{ scope: 'x', reason: 'y', since: at.toISOString() }])
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
  expect(reporting.hasNews()).toBe(false)
  const second = reporting.next(reporter, outcomes, [])
  expect(second).toMatchObject({ sequence: 1, data: { entities: [], events: [], gaps: [] } })
  expect(second.report_id).not.toBe(first.report_id)
  expect(second.data.metrics.filter(({ name }) => name === 'host.load')).toEqual([])
})

test('an agent tells how it is itself', () => {
  const reporting = reportingOf('load')
  reporting.add(runOf('load', {}))
  const { entities, metrics } = reporting.next(reporter, outcomes, []).data
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
  reporting.add(runOf('fast', { entities: [entityOf('a')] }))
  expect(nextHosts(reporting)).toEqual(['a'])
  expect(nextHosts(reporting)).toEqual([])
  reporting.add(runOf('slow', { entities: [entityOf('b')] }))
  expect(nextHosts(reporting)).toEqual(['a', 'b', 'snapshot'])
  expect(nextHosts(reporting)).toEqual([])
})

test('a collector that fails leaves its entities as they were', () => {
  const reporting = reportingOf('hosts')
  reporting.add(runOf('hosts', { entities: [entityOf('a'), entityOf('b')] }))
  nextHosts(reporting)
  reporting.add(runOf('hosts', {}, false))
  expect(nextHosts(reporting)).toEqual([])
})

test('the good part of what a collector says counts', () => {
  const reporting = reportingOf('hosts')
  reporting.add(runOf('hosts', { entities: [entityOf('a')], metrics: [] }, false))
  expect(nextHosts(reporting)).toEqual(['a'])
  reporting.add(runOf('hosts', { entities: [entityOf('b')] }))
  expect(nextHosts(reporting)).toEqual(['b', '-a', 'snapshot'])
})

test('watchers may tell of entities beside the collectors', () => {
  const reporting = reportingOf('hosts')
  reporting.add(runOf('hosts', { entities: [entityOf('a', 'collected')] }))
  reporting.addWatched(check({ entities: [entityOf('a', 'watched'), entityOf('w', 'old'), entityOf('w', 'new')] }))
  const { entities } = reportSchema.parse(reporting.next(reporter, outcomes, [])).data
  const hosts = entities.filter(({ type }) => type === 'host')
  expect(hosts.map(({ id, attributes }) => `${id} ${String(attributes.note)}`)).toEqual(['a collected', 'w new'])
})

test('a report that stands alone carries everything, and is a snapshot when nothing failed', () => {
  const reporting = reportingOf('hosts', 'load')
  const said = [
    runOf('hosts', { entities: [entityOf('a')] }),
    runOf('load', { metrics: [signals.load.point(1, host)] }),
  ]
  const alone = reporting.alone(reporter, said, outcomes)
  expect(reportSchema.parse(alone)).toMatchObject({ snapshot: true, sequence: 0 })
  expect(alone.data.entities.map(({ type }) => type).sort()).toEqual(['host', 'rca.agent'])
  expect(reporting.alone(reporter, [runOf('hosts', {}), runOf('load', {}, false)], outcomes).snapshot).toBeUndefined()
  // It takes nothing away from the reports that follow each other.
  expect(reporting.hasNews()).toBe(false)
})

test('a report carries no more than the platform takes, and says what it leaves out', () => {
  const reporting = reportingOf('flood')
  const events = Array(REPORT_LIMITS.events + 5).fill(rebooted)
  reporting.add(runOf('flood', { entities: [], metrics: [], events, gaps: [], problems: [] }))
  const { data, snapshot } = reporting.next(reporter, outcomes, [])
  expect(data.events).toHaveLength(REPORT_LIMITS.events)
  expect(data.gaps).toMatchObject([
    { scope: 'report:events', reason: 'one report carries at most 50000 events: 5 were left out' },
  ])
  expect(snapshot).toBeUndefined()
})
