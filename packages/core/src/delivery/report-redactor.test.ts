import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { recordingLogger } from '../../test/recording-logger.ts'
import type { Metric } from '../connector/signals.ts'
import { LIMITS, type Report, reportSchema } from '../platform/protocol.ts'
import { createRedactor } from './report-redactor.ts'

const at = '2026-01-23T10:00:00.000Z'

/** A report that says this text wherever a connector can say something that its catalog does not fix. */
function reportSaying(text: string): Report {
  const attributes = { [text]: text, list: [text, 'x'], number: 5, flag: true }
  const entity = { type: 'host', id: text }
  return {
    report_id: '019bea3c-7b5e-7cc3-9d4c-2f1f6a3a9a11',
    agent_id: '3f1b9c0e-8f5e-5d1b-9a55-2d3c9f8b7a60',
    agent_type: 'docker',
    agent_version: '1.0.0',
    sequence: 2026,
    timestamp: at,
    data: {
      entities: [
        { ...entity, name: text, attributes, relations: [{ type: 'runs_on', target: entity }] },
        { type: 'host', id: '1', name: '', attributes: {}, relations: [], deleted: true },
      ],
      metrics: [{ name: 'm', value: 1, unit: '1', kind: 'gauge', entity, attributes }],
      events: [{ id: text, name: 'e', at, severity: 'info', entity, body: `say ${text}`, attributes }],
      gaps: [{ scope: text, reason: text, since: at }],
    },
  }
}

describe('Redactor', () => {
  test('removes secrets from every text of a report', () => {
    const secrets = ['hunter2-long', 'with "quotes"', 'back\\slash', 'new\nline', 'ä/ö caesar']
    const { clean } = createRedactor(secrets)
    const report = (original: Report): string => JSON.stringify(clean(original))
    for (const secret of secrets) {
      const json = report(reportSaying(secret))
      expect(reportSchema.parse(JSON.parse(json))).toEqual(reportSaying('[redacted]'))
      expect(report(reportSaying(encodeURIComponent(secret)))).not.toContain(encodeURIComponent(secret))
      expect(JSON.parse(report(reportSaying(JSON.stringify(secret))))).toEqual(reportSaying('"[redacted]"'))
    }
  })

  test.each(['root', 'postgres', 'Password', 'r00t-1'])('keeps ids and names that contain %s', (secret) => {
    const name = `${secret}-db`
    const { data } = createRedactor([secret]).clean(reportSaying(name))
    const entity = { type: 'host', id: name }
    expect(data.entities[0]).toMatchObject({ ...entity, name, relations: [{ target: entity }] })
    expect(data.metrics[0]).toMatchObject({ entity })
    expect(data.events[0]).toMatchObject({ entity, id: name, body: 'say [redacted]-db' })
    expect(data.gaps[0]).toMatchObject({ scope: name, reason: '[redacted]-db' })
  })

  test.each(['hunter22', 'postgres1', 'correcthorsebatterystaple'])('redacts %s in ids and names', (secret) => {
    const { data } = createRedactor([secret]).clean(reportSaying(`${secret}-db`))
    expect(data.entities[0]).toMatchObject({ id: '[redacted]-db', name: '[redacted]-db' })
  })

  test('keeps declared names that contain a secret', () => {
    const entity = { type: 'acme.queue', id: 'acme-corporation' }
    const report: Report = {
      ...reportSaying('nothing'),
      data: {
        entities: [
          {
            ...entity,
            name: 'acme-corporation',
            attributes: { 'acme.name': 'acme-corporation' },
            relations: [{ type: 'acme-corporation', target: entity }],
          },
        ],
        metrics: [{ name: 'acme.depth', value: 1, unit: '1', kind: 'gauge', entity, attributes: {} }],
        events: [],
        gaps: [],
      },
    }
    const { data } = createRedactor(['acme-corporation'], ['acme.name']).clean(report)
    expect(data.entities[0]).toEqual({
      type: 'acme.queue',
      id: '[redacted]',
      name: '[redacted]',
      attributes: { 'acme.name': '[redacted]' },
      relations: [{ type: 'acme-corporation', target: { type: 'acme.queue', id: '[redacted]' } }],
    })
    expect(data.metrics[0]).toMatchObject({ name: 'acme.depth', entity: { type: 'acme.queue' } })
  })

  test('does not redact twice', () => {
    const { text } = createRedactor(['e'])
    expect(text(text('hello'))).toBe('h[redacted]llo')
  })

  test('keeps field names of log messages that contain a short secret', () => {
    const recorder = recordingLogger()
    createRedactor(['t']).logger(recorder).info({ retry_in_ms: 5, text: 't' }, 'message')
    expect(recorder.lines[0]?.fields).toEqual({ retry_in_ms: 5, text: '[redacted]' })
  })

  test('writes a report without secrets unchanged', () => {
    const report = reportSaying('nothing')
    expect(createRedactor(['hunter2']).clean(report)).toBe(report)
  })

  test.each([
    'gauge',
    'info',
    'entities',
    'id',
    'true',
    '1',
    '2026',
    at,
    'e',
    '"',
    '0',
    '{',
    'reports',
    'deleted',
    '-',
  ])('the secret %s breaks no report', (secret) => {
    const written = createRedactor([secret]).clean(reportSaying(`x${secret}x`))
    expect(() => reportSchema.parse(written)).not.toThrow()
    expect(written.data.events[0]?.body).toBe(createRedactor([secret]).text(`say x${secret}x`))
    expect(written).toMatchObject({ report_id: '019bea3c-7b5e-7cc3-9d4c-2f1f6a3a9a11', sequence: 2026, timestamp: at })
    expect(written.data.metrics[0]).toMatchObject({ unit: '1', kind: 'gauge', value: 1 })
  })

  test('writes several points separated by commas, without secrets', () => {
    const { write } = createRedactor(['hunter2-long'])
    const point = (id: string): Metric => ({
      name: 'm',
      value: 1,
      unit: '1',
      kind: 'gauge',
      entity: { type: 'host', id },
      attributes: {},
    })
    expect(JSON.parse(`[${write.metrics([point('a'), point('b')])}]`)).toEqual([point('a'), point('b')])
    const [first, second] = JSON.parse(`[${write.metrics([point('a'), point('hunter2-long')])}]`)
    expect([first, second]).toEqual([point('a'), point('[redacted]')])
  })

  test('keeps redacted texts within the platform’s limits', () => {
    const longest = reportSaying('a'.repeat(LIMITS.name))
    const written: unknown = JSON.parse(JSON.stringify(createRedactor(['a']).clean(longest)))
    expect(() => reportSchema.parse(written)).not.toThrow()
  })

  test('keeps every report valid, whatever the secrets are', () => {
    const texts = fc.string({ minLength: 1, maxLength: 80, unit: 'binary' })
    fc.assert(
      fc.property(fc.array(texts), texts, (secrets, text) => {
        const report = reportSaying(text)
        fc.pre(reportSchema.safeParse(report).success)
        const written = JSON.stringify(createRedactor(secrets).clean(report))
        expect(() => reportSchema.parse(JSON.parse(written))).not.toThrow()
      }),
    )
  }, 120_000)

  test('removes secrets from log messages and nested fields', () => {
    const recorder = recordingLogger()
    const log = createRedactor(['hunter2-long']).logger(recorder)
    log.info(
      { password: 'hunter2-long', nested: [{ 'hunter2-long': new Error('bad hunter2-long') }], count: 2 },
      'with hunter2-long',
    )
    expect(recorder.lines).toEqual([
      {
        level: 'info',
        fields: { password: '[redacted]', nested: [{ '[redacted]': 'bad [redacted]' }], count: 2 },
        message: 'with [redacted]',
      },
    ])
  })

  test('logs plain data, whatever a connector logs', () => {
    const recorder = recordingLogger()
    const circular: { self?: unknown } = {}
    circular.self = circular
    const fields = {
      at: new Date(at),
      url: new URL('https://x/hunter2'),
      bytes: Buffer.from('hunter2'),
      circular,
      none: null,
    }
    const log = createRedactor(['hunter2']).logger(recorder)
    for (const level of ['debug', 'info', 'warn', 'error'] as const) log[level](fields, 'message')
    expect(recorder.lines.map(({ level }) => level)).toEqual(['debug', 'info', 'warn', 'error'])
    expect(recorder.lines[0]?.fields).toMatchObject({ at, url: 'https://x/[redacted]', bytes: '[7 bytes]', none: null })
    expect(JSON.stringify(recorder.lines)).toContain('[too deep]')
  })

  test('ignores a logger that throws', () => {
    const fail = (): never => {
      throw new Error('disk full')
    }
    const log = createRedactor([]).logger({ debug: fail, info: fail, warn: fail, error: fail })
    expect(() => log.error({}, 'x')).not.toThrow()
  })

  test('redacts a secret that becomes known later, in texts, reports and logs', () => {
    const recorder = recordingLogger()
    const redactor = createRedactor(['hunter2'])
    const log = redactor.logger(recorder)
    const report = reportSaying('a key-canary b')
    expect(redactor.clean(report)).toBe(report)
    redactor.add('key-canary')
    expect(redactor.text('key-canary hunter2')).toBe('[redacted] [redacted]')
    expect(JSON.stringify(redactor.clean(report))).not.toContain('key-canary')
    log.info({ 'key-canary': 'key-canary' }, 'key-canary')
    expect(JSON.stringify(recorder.lines)).not.toContain('key-canary')
  })
})
