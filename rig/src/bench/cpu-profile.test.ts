import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { cpuShareOf } from './cpu-profile.ts'

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'rca-profile-'))
  onTestFinished(() => rmSync(made, { recursive: true }))
  return made
}

test('the share of modules includes what they call, and not the idle time', () => {
  const frame = (functionName: string, url = '') => ({
    functionName,
    url,
    scriptId: '',
    lineNumber: 0,
    columnNumber: 0,
  })
  const profiles = folder()
  const profile = {
    nodes: [
      { id: 1, callFrame: frame('(root)'), children: [2, 3, 4] },
      { id: 2, callFrame: frame('(idle)') },
      { id: 3, callFrame: frame('report', 'file:///core/report.js') },
      { id: 4, callFrame: frame('redact', 'file:///core/redaction/redact.js'), children: [5] },
      { id: 5, callFrame: frame('replace') },
    ],
    samples: [2, 3, 4, 5, 3],
    timeDeltas: [0, 100, 6, 3, 1, 2],
    startTime: 0,
    endTime: 112,
  }
  writeFileSync(join(profiles, 'a.cpuprofile'), JSON.stringify(profile))
  expect(cpuShareOf(profiles, '/redaction/')).toBe(4 / 12)
  expect(() => cpuShareOf(profiles, '/other/')).toThrow('no sample in modules with `/other/`')
})

test('a folder without a profile is an error', () => {
  expect(() => cpuShareOf(folder(), '/redaction/')).toThrow('did not exit by itself')
})
