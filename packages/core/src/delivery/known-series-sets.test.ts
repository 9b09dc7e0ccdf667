import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { hashSeriesSet, type Metric, type Report, seriesKeyOf } from '../platform/protocol.ts'
import { createKnownSeriesSets } from './known-series-sets.ts'

const metric: Metric = {
  name: 'system.cpu.utilization',
  value: 0.5,
  unit: '1',
  kind: 'gauge',
  entity: { type: 'host', id: 'h' },
  attributes: { 'cpu.mode': 'user' },
}
const disk: Metric = { ...metric, name: 'system.disk.io', entity: { type: 'disk', id: 'sda' } }
const set = hashSeriesSet([seriesKeyOf(metric)])

const report: Report = {
  report_id: '019bea3c-7b5e-7cc3-9d4c-2f1f6a3a9a11',
  agent_id: '3f1b9c0e-8f5e-5d1b-9a55-2d3c9f8b7a60',
  agent_type: 'docker',
  agent_version: '1.0.0',
  sequence: 0,
  timestamp: '2026-01-23T10:00:00.000Z',
  data: { entities: [], metrics: [metric, disk], events: [], gaps: [] },
}
const json = JSON.stringify(report)

describe('KnownSeriesSets', () => {
  test.each([
    ['text', json],
    ['gzip', gzipSync(json)],
  ])('shortens a report as %s with the sets that the platform has named', (_form, body) => {
    const sets = createKnownSeriesSets()
    expect(sets.shorten(body, json.length)).toBe(body)
    sets.add([set])
    const metrics = [{ series_set: set, values: [0.5] }, disk]
    expect(JSON.parse(sets.shorten(body, json.length) as string)).toEqual({
      ...report,
      data: { ...report.data, metrics },
    })
    sets.forget()
    expect(sets.shorten(body, json.length)).toBe(body)
  })

  test('leaves reports without known sets, very large and damaged ones as they are', () => {
    const sets = createKnownSeriesSets()
    sets.add(['another'])
    expect(sets.shorten(json, json.length)).toBe(json)
    sets.add([set])
    expect(sets.shorten(json, 1_000_000)).toBe(json)
    const damaged = gzipSync(json).subarray(0, -9)
    expect(sets.shorten(damaged, json.length)).toBe(damaged)
  })

  test('remembers a limited number of sets', () => {
    const sets = createKnownSeriesSets()
    sets.add([set])
    sets.add(Array.from({ length: 10_000 }, (_, number) => `${number}`))
    expect(sets.shorten(json, json.length)).toBe(json)
  })
})
