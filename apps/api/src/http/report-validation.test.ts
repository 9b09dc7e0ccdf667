import { dataRequestSchema } from '@rca/core/protocol'
import { expect, it } from 'vitest'
import { validateReports } from './report-validation.ts'

const entity = { type: 't', id: 'i' }
const metric = { name: 'm', value: 1, unit: '1', kind: 'gauge', entity, attributes: {}, unknown: 1 }
const report = (rest: object, data: object = {}) => ({
  report_id: '019a0000-0000-7000-8000-000000000000',
  agent_id: '019a0000-0000-7000-8000-000000000000',
  agent_type: 'kiln',
  agent_version: '1',
  sequence: 0,
  timestamp: '2026-11-22T12:00:00Z',
  data: { entities: [], metrics: [metric], events: [], gaps: [], ...data },
  ...rest,
})

it.each([
  ['nothing', undefined],
  ['no reports', { reports: [] }],
  ['too many reports', { reports: Array.from({ length: 1001 }, () => report({})) }],
  ['a report', { reports: [report({ snapshot: true, unknown: 1 })], unknown: 1 }],
  ['a wrong field', { reports: [report({}), report({ sequence: -1, timestamp: 'x' })] }],
  ['no list', { reports: [report({}, { gaps: undefined })] }],
  [
    'a list that is too long',
    {
      reports: [
        report(
          {},
          { gaps: Array.from({ length: 10_001 }, () => ({ scope: 's', reason: 'r', since: '2026-11-22T12:00:00Z' })) },
        ),
      ],
    },
  ],
  [
    'wrong signals',
    { reports: [report({}, { entities: [1, { ...entity }], metrics: [metric, { ...metric, value: 'x' }] })] },
  ],
])('finds in %s what the schema of the wire finds', (_name, data) => {
  const expected = dataRequestSchema.safeParse(data)
  const found = validateReports(data, 1000)
  if (expected.success) expect(found).toEqual({ value: expected.data })
  else expect('issues' in found && found.issues).toEqual(expected.error.issues)
})
