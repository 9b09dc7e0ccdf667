import { runToEnd } from '@rca/core'
import { dataRequestSchema } from '@rca/core/protocol'
import { describe, expect, test } from 'vitest'
import type { z } from 'zod'
import { validateReports } from './report-validation.ts'

const entity = { type: 't', id: 'i' }
const metric = { name: 'm', value: 1, unit: '1', kind: 'gauge', entity, attributes: {}, unknown: 1 }
const report = (rest: object, data: object = {}) => ({
  report_id: '019a0000-0000-7000-8000-000000000000',
  agent_id: '019a0000-0000-7000-8000-000000000000',
  agent_type: 'docker',
  agent_version: '1',
  sequence: 0,
  timestamp: '2026-11-22T12:00:00Z',
  data: { entities: [], metrics: [metric], events: [], gaps: [], ...data },
  ...rest,
})

describe('validateReports', () => {
  test.each([
    ['an absent body', undefined],
    ['an empty list of reports', { reports: [] }],
    ['too many reports', { reports: Array.from({ length: 1001 }, () => report({})) }],
    ['a valid report', { reports: [report({ snapshot: true, unknown: 1 })], unknown: 1 }],
    ['invalid fields', { reports: [report({}), report({ sequence: -1, timestamp: 'x' })] }],
    ['a missing list', { reports: [report({}, { gaps: undefined })] }],
    [
      'a list that is too long',
      {
        reports: [
          report(
            {},
            {
              gaps: Array.from({ length: 10_001 }, () => ({ scope: 's', reason: 'r', since: '2026-11-22T12:00:00Z' })),
            },
          ),
        ],
      },
    ],
    [
      'invalid signals',
      { reports: [report({}, { entities: [1, { ...entity }], metrics: [metric, { ...metric, value: 'x' }] })] },
    ],
  ])('finds the same issues as the wire schema in %s', (_name, data) => {
    const expected = dataRequestSchema.safeParse(data)
    const found = runToEnd(validateReports(data, 1000))
    if (expected.success) expect(found).toEqual({ value: expected.data })
    else expect('issues' in found && found.issues).toEqual(expected.error.issues.flatMap(ofPointInFull))
  })
})

/** Returns the issues of a point in full where the wire schema gives those of values of a set as well. */
function ofPointInFull(issue: z.core.$ZodIssue): readonly z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue]
  return (issue.errors[0] ?? []).map((own) => ({ ...own, path: [...issue.path, ...own.path] }))
}
