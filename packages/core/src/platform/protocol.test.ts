import { expect, expectTypeOf, test } from 'vitest'
import type { z } from 'zod'
import type { Attributes, Entity, EntityReference, Event, Gap, Metric, Relation } from '../connector/signals.ts'
import {
  dataRequestSchema,
  type entityReferenceSchema,
  type entitySchema,
  type eventSchema,
  type gapSchema,
  heartbeatRequestSchema,
  type metricSchema,
  type ReceivedReport,
  type Report,
  type ReportedEntity,
  reportSchema,
  type SeriesValues,
  type seriesValuesSchema,
} from './protocol.ts'

/** A schema's output as the interfaces write it: readonly, and optional fields absent rather than `undefined`. */
type Written<Value> = Value extends readonly (infer Element)[]
  ? readonly Written<Element>[]
  : Value extends object
    ? { readonly [Key in keyof Value]: Written<Exclude<Value[Key], undefined>> }
    : Value

/** One object type instead of an intersection or an interface with parents. */
type Flat<Value> = Value extends readonly (infer Element)[]
  ? readonly Flat<Element>[]
  : Value extends object
    ? { readonly [Key in keyof Value]: Flat<Exclude<Value[Key], undefined>> }
    : Value

type Of<Schema extends z.ZodType> = Written<z.output<Schema>>

test('the interfaces of signals match the schemas of the wire', () => {
  expectTypeOf<Of<typeof entityReferenceSchema>>().toEqualTypeOf<Flat<EntityReference>>()
  expectTypeOf<Of<typeof entitySchema>>().toEqualTypeOf<Flat<ReportedEntity>>()
  expectTypeOf<Of<typeof entitySchema>['relations'][number]>().toEqualTypeOf<Flat<Relation>>()
  expectTypeOf<Of<typeof entitySchema>['attributes']>().toEqualTypeOf<Flat<Attributes>>()
  expectTypeOf<Of<typeof metricSchema>>().toEqualTypeOf<Flat<Metric>>()
  expectTypeOf<Of<typeof seriesValuesSchema>>().toEqualTypeOf<Flat<SeriesValues>>()
  expectTypeOf<Of<typeof eventSchema>>().toEqualTypeOf<Flat<Event>>()
  expectTypeOf<Of<typeof gapSchema>>().toEqualTypeOf<Flat<Gap>>()
  expectTypeOf<Of<typeof reportSchema>>().toEqualTypeOf<Flat<ReceivedReport>>()
  expectTypeOf<Entity>().toExtend<ReportedEntity>()
})

const report: Report = {
  report_id: '019bea3c-7b5e-7cc3-9d4c-2f1f6a3a9a11',
  agent_id: '3f1b9c0e-8f5e-5d1b-9a55-2d3c9f8b7a60',
  agent_type: 'docker',
  agent_version: '1.0.0',
  sequence: 0,
  timestamp: '2026-01-23T10:00:00.000Z',
  snapshot: true,
  data: { entities: [], metrics: [], events: [], gaps: [] },
}

test('fields that a newer agent sends are ignored', () => {
  expect(reportSchema.parse({ ...report, colour: 'red' })).toEqual(report)
})

test.each([
  ['an empty list of reports', { reports: [] }],
  ['a report id that is not a UUID', { reports: [{ ...report, report_id: 'x' }] }],
  ['a local time', { reports: [{ ...report, timestamp: '2026-01-23T10:00:00+01:00' }] }],
  ['a negative sequence', { reports: [{ ...report, sequence: -1 }] }],
  ['a snapshot that is false', { reports: [{ ...report, snapshot: false }] }],
])('the protocol rejects %s', (_what, body) => {
  expect(dataRequestSchema.safeParse(body).success).toBe(false)
})

test('a heartbeat requires only identity, start time and health', () => {
  const heartbeat = {
    agent_id: report.agent_id,
    agent_type: 'docker',
    agent_version: '1.0.0',
    started_at: report.timestamp,
    sequence: 0,
    collectors: { stats: { ok: true, duration_ms: 1.5 } },
    outbox: { reports: 0, bytes: 0, dropped: 0 },
  }
  expect(heartbeatRequestSchema.parse(heartbeat)).toEqual(heartbeat)
  expect(heartbeatRequestSchema.safeParse({ ...heartbeat, interval_seconds: 0 }).success).toBe(false)
})
