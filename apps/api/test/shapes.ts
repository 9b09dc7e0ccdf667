import { LIMITS } from '@rca/core/protocol'
import { v7 } from 'uuid'

/** A body that costs as much as the limits allow. */
export interface Shape {
  readonly name: string
  readonly path: 'data' | 'heartbeat'
  readonly body: () => string
}

const AGENT_ID = '8c5f2b0e-3d1a-5c47-9b62-0f4f7a1d9e33'
const AGENT = { agent_id: AGENT_ID, agent_type: 'docker', agent_version: '1.0.0' }
const ENTITY = { type: 'container', id: 'c' }
const EVENT = { name: 'container.died', severity: 'warning', body: 'b', attributes: {} } as const
const METRIC = { name: 'usage', value: 1, unit: 'By', kind: 'gauge' } as const

type Signals = Partial<Record<'entities' | 'metrics' | 'events' | 'gaps', readonly unknown[]>>

function report(signals: Signals, rest: object = {}): object {
  return {
    report_id: v7(),
    ...AGENT,
    sequence: 0,
    timestamp: new Date().toISOString(),
    ...rest,
    data: { entities: [], metrics: [], events: [], gaps: [], ...signals },
  }
}

const bodyOf = (...reports: readonly object[]): string => JSON.stringify({ reports })
const many = <Item>(count: number, create: (index: number) => Item): Item[] =>
  Array.from({ length: count }, (_, index) => create(index))
const random = (): string => Math.random().toString(36).slice(2)
const fields = (count: number, value: unknown, prefix = 'a'): Record<string, unknown> =>
  Object.fromEntries(many(count, (index) => [`${prefix}${index}`, value]))
const entity = (index: number, rest: object = {}): object => ({
  ...{ type: 'container', id: `c${index}`, name: 'c', attributes: {}, relations: [] },
  ...rest,
})
const relations = (count: number): object[] =>
  many(count, (index) => ({ type: 'uses', target: { type: 'volume', id: `v${index}` } }))
const heartbeat = (collectors: object): string =>
  JSON.stringify({
    ...AGENT,
    started_at: new Date().toISOString(),
    sequence: 0,
    collectors,
    outbox: { reports: 0, bytes: 0, dropped: 0 },
  })

/** Bodies that are accepted, each nearly as large as a limit. @param size share of the limits, from 0 to 1 */
export function acceptedShapes(size: number): readonly Shape[] {
  const count = (limit: number): number => Math.max(1, Math.floor(limit * size))
  const data = (name: string, body: () => string): Shape => ({ name, path: 'data', body })
  const metrics = (names: number) =>
    many(count(100_000), (index) => ({
      ...{ ...METRIC, value: Math.random() },
      ...{ entity: { ...ENTITY, id: `c${index % names}` }, attributes: {} },
    }))
  const longText = many(LIMITS.attribute / 8, () => random().padEnd(8, 'x').slice(0, 8)).join('')
  return [
    data('many new series', () => bodyOf(report({ metrics: metrics(100_000) }))),
    data('many known series', () => bodyOf(report({ metrics: metrics(100_000) }))),
    data('one series many times', () => bodyOf(report({ metrics: metrics(1) }))),
    data('series with many attributes', () =>
      bodyOf(
        report({
          metrics: many(count(6000), (n) => ({
            ...METRIC,
            entity: ENTITY,
            attributes: { n, ...fields(127, random()) },
          })),
        }),
      ),
    ),
    data('many entities', () => bodyOf(report({ entities: many(count(100_000), (n) => entity(n)) }))),
    data('a snapshot without them', () => bodyOf(report({ entities: [entity(0)] }, { snapshot: true, sequence: 1 }))),
    data('entities with many relations', () =>
      bodyOf(report({ entities: many(count(64), (n) => entity(n, { relations: relations(3000) })) }, { sequence: 2 })),
    ),
    data('entities with many labels', () =>
      bodyOf(
        report(
          { entities: many(count(4000), (n) => entity(n, { attributes: fields(100, 'x', 'k8s.pod.label.') })) },
          { sequence: 3 },
        ),
      ),
    ),
    data('attributes with many values', () =>
      bodyOf(
        report(
          { entities: many(count(640), (n) => entity(n, { attributes: fields(7, many(LIMITS.elements, random)) })) },
          { sequence: 4 },
        ),
      ),
    ),
    data('many events', () =>
      bodyOf(
        report({
          events: many(count(50_000), () => ({
            ...EVENT,
            at: new Date().toISOString(),
            entity: ENTITY,
            body: random(),
          })),
        }),
      ),
    ),
    data('large events', () =>
      bodyOf(
        report({
          events: many(count(50), () => ({
            ...EVENT,
            at: new Date().toISOString(),
            entity: ENTITY,
            attributes: fields(7, longText),
          })),
        }),
      ),
    ),
    data('many gaps', () =>
      bodyOf(
        report({
          gaps: many(count(10_000), (n) => ({ scope: `s${n}`, reason: 'r', since: new Date().toISOString() })),
        }),
      ),
    ),
    data('many reports', () => bodyOf(...many(count(1000), (sequence) => report({}, { sequence })))),
    data('reports of many agents', () =>
      bodyOf(
        ...many(count(1000), (n) => report({}, { agent_id: `00000000-0000-5000-8000-${String(n).padStart(12, '0')}` })),
      ),
    ),
    {
      name: 'a heartbeat with many failures',
      path: 'heartbeat',
      body: () => heartbeat(fields(count(LIMITS.collectors), { ok: false, error: 'e'.repeat(1000) })),
    },
  ]
}

/** Bodies that are refused. @param size share of 12 MiB, from 0 to 1 */
export function refusedShapes(size: number): readonly Shape[] {
  const bytes = Math.floor(size * 12 * 2 ** 20)
  const repeated = (text: string): string =>
    `[${Array(Math.max(1, Math.floor(bytes / (text.length + 1))))
      .fill(text)
      .join()}]`
  const named = (text: string): string =>
    `{${many(Math.max(1, Math.floor(bytes / (text.length + 10))), (index) => `"${index}":${text}`).join()}}`
  const within = (kind: string, json: string): string => bodyOf(report({ [kind]: ['?'] })).replace('["?"]', json)
  const data = (name: string, body: () => string): Shape => ({ name, path: 'data', body })
  return [
    data('many attributes', () =>
      within(
        'metrics',
        `[${JSON.stringify({ ...METRIC, entity: ENTITY, attributes: '?' }).replace('"?"', named('null'))}]`,
      ),
    ),
    ...['metrics', 'events', 'entities', 'gaps'].flatMap((kind) => [
      data(`many empty ${kind}`, () => within(kind, repeated('{}'))),
      data(`many ${kind} of null`, () => within(kind, repeated('null'))),
      data(`${kind} with many names`, () => within(kind, repeated(JSON.stringify(fields(128, 1))))),
      data(`${kind} with long texts`, () => within(kind, repeated(JSON.stringify({ name: 'x'.repeat(200_000) })))),
      data(`${kind} with many lists`, () =>
        within(kind, repeated(JSON.stringify({ attributes: fields(64, Array(60).fill(null)) }))),
      ),
    ]),
    data('many empty reports', () => `{"reports":${repeated('{}')}}`),
    data('many levels', () => '['.repeat(bytes)),
    data('many escapes', () => `{"reports":"${'\\u0000'.repeat(bytes / 6)}"}`),
    data('a long number', () => `{"reports":${'9'.repeat(bytes)}}`),
    data('many spaces', () => `{"reports":${' '.repeat(bytes)}[]}`),
    data('an error at the end', () =>
      within('metrics', `${repeated(JSON.stringify({ ...METRIC, entity: ENTITY, attributes: {} }))}x`),
    ),
    {
      name: 'a heartbeat with many collectors',
      path: 'heartbeat',
      body: () => heartbeat({ '?': 0 }).replace('{"?":0}', named('{}')),
    },
  ]
}
