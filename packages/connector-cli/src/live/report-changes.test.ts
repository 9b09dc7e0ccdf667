import type { Report } from '@rca/core/protocol'
import { describe, expect, test } from 'vitest'
import { createReportChanges } from './report-changes.ts'

const lamp = { type: 'lamp', id: 'a' }
const point = (value: number, id = 'a') => ({
  name: 'lamp.power',
  value,
  unit: 'W',
  kind: 'gauge' as const,
  entity: { type: 'lamp', id },
  attributes: {},
})
const report = (data: Partial<Report['data']>): Report => ({
  report_id: 'r',
  agent_id: 'a',
  agent_type: 'lamps',
  agent_version: '1',
  sequence: 0,
  timestamp: '2026-01-23T10:00:00.000Z',
  data: { entities: [], metrics: [], events: [], gaps: [], ...data },
})
const entity = (id: string, name = id) => ({ type: 'lamp', id, name, attributes: {}, relations: [] })
const cells = (lines: readonly string[]): string[] => lines.map((line) => line.trim().replaceAll(/ +/g, ' '))

describe('createReportChanges', () => {
  test('counts new, changed and deleted entities of a type', () => {
    const changesOf = createReportChanges()
    expect(cells(changesOf(report({ entities: [entity('a'), entity('b')] })))).toEqual([
      'total new changed deleted',
      'entity lamp 2 2 a',
    ])
    const next = report({ entities: [entity('b', 'B'), { ...entity('a'), deleted: true }] })
    expect(cells(changesOf(next))).toContain('entity lamp 1 1 1 b')
    expect(changesOf(report({ entities: [entity('b', 'B')] }))).toEqual([])
  })

  test('shows the first changed value of a metric, and no metric without a change', () => {
    const changesOf = createReportChanges()
    changesOf(report({ metrics: [point(1), point(5, 'b')] }))
    expect(changesOf(report({ metrics: [point(1), point(5, 'b')] }))).toEqual([])
    expect(cells(changesOf(report({ metrics: [point(2.123456789), point(6, 'b'), point(7, 'c')] })))).toContain(
      'metric lamp.power 3 1 2 a: 1 → 2.12346 W',
    )
    expect(changesOf(report({ metrics: [{ ...point(2), entity: { type: 'rca.agent', id: 'x' } }] }))).toEqual([])
  })

  test('lists each event, without control characters', () => {
    const event = { name: 'lamp.broken', severity: 'error' as const, at: '2026-01-23T10:00:00Z', entity: lamp }
    const events = [{ ...event, id: 'e', body: 'dark\n\u001b[31mred', attributes: {} }]
    expect(createReportChanges()(report({ events }))).toEqual(['  event    lamp.broken (error): dark red'])
  })

  test('shows a gap when it opens and when it ends, and warns of signals that were left out', () => {
    const changesOf = createReportChanges()
    const since = '2026-01-23T10:00:00Z'
    const gaps = [
      { scope: 'collector:power', reason: 'left out: `heat` is not declared', since },
      { scope: 'collector:power', reason: 'timed out', since },
    ]
    expect(changesOf(report({ gaps }))).toEqual([
      '  WARNING  collector:power: left out: `heat` is not declared',
      '  gap      collector:power: timed out',
    ])
    expect(changesOf(report({ gaps }))).toEqual([])
    expect(cells(changesOf(report({ gaps: gaps.slice(0, 1) })))).toEqual(['ended gap collector:power: timed out'])
  })
})
