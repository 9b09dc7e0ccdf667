import { describe, expect, test } from 'vitest'
import type { CheckResult } from './check.ts'
import { report } from './report.ts'

const check = {
  title: 'keeps entities',
  reason: 'They would be deleted.',
  severity: 'error',
  remedy: 'Throw.',
} as const
const results: readonly CheckResult[] = [
  { ...check, id: 'COL-partial', status: 'failed', findings: ['2 entities < 3 are deleted\u0007'] },
  { ...check, id: 'COL-fault', status: 'passed', findings: [] },
  { ...check, id: 'DEP-verify', severity: 'warning', status: 'warned', findings: ['no verify'] },
  { ...check, id: 'WAT-rate', status: 'excepted', findings: ['3000 events'], exception: 'It is a log shipper.' },
  { ...check, id: 'WAT-abort', status: 'warned', findings: ['the check passes'] },
  { ...check, id: 'WAT-breaks', status: 'skipped', findings: [], skipped: 'it needs watchers' },
]

describe('report', () => {
  test('writes JSON with every result', () => {
    expect(JSON.parse(report(results, 'json', 'acme'))).toEqual({ name: 'acme', results })
  })

  test('writes JUnit, with exceptions as skipped tests and without control characters', () => {
    expect(report(results, 'junit', 'acme').split('\n')).toEqual([
      '<?xml version="1.0" encoding="UTF-8"?>',
      '<testsuites><testsuite name="acme" tests="6" failures="1" skipped="2">',
      '<testcase classname="acme" name="COL-partial: keeps entities"><failure message="2 entities &lt; 3 are deleted�">2 entities &lt; 3 are deleted�',
      'To fix: Throw.</failure></testcase>',
      '<testcase classname="acme" name="COL-fault: keeps entities"/>',
      '<testcase classname="acme" name="DEP-verify: keeps entities"><system-out>no verify',
      'To fix: Throw.</system-out></testcase>',
      '<testcase classname="acme" name="WAT-rate: keeps entities"><skipped message="It is a log shipper."/></testcase>',
      '<testcase classname="acme" name="WAT-abort: keeps entities"><system-out>the check passes',
      'To fix: Throw.</system-out></testcase>',
      '<testcase classname="acme" name="WAT-breaks: keeps entities"><skipped message="it needs watchers"/></testcase>',
      '</testsuite></testsuites>',
      '',
    ])
  })

  test('writes SARIF, with exceptions as suppressions', () => {
    const [run] = (JSON.parse(report(results, 'sarif', 'acme')) as { runs: Record<string, unknown>[] }).runs
    expect(run?.tool).toMatchObject({ driver: { rules: [{ id: 'COL-partial' }, {}, {}, {}, {}, {}] } })
    expect(run?.results).toMatchObject([
      { ruleId: 'COL-partial', level: 'error', message: { text: '2 entities < 3 are deleted\u0007' } },
      { ruleId: 'DEP-verify', level: 'warning' },
      { ruleId: 'WAT-rate', suppressions: [{ justification: 'It is a log shipper.' }] },
      { ruleId: 'WAT-abort', level: 'warning' },
    ])
  })

  test('refuses an unknown format', () => {
    expect(() => report(results, 'html' as 'json')).toThrow('`format` must be `json`, `junit` or `sarif`, got `html`')
  })
})
