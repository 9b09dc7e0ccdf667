import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

const fileHere = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** Runs tests in a folder of their own. Returns exit code and last lines of the output. */
async function runTests(files: Readonly<Record<string, string>>, seconds: number) {
  const folder = mkdtempSync(join(tmpdir(), 'rca-test-twice-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const config = { globals: true, pool: 'threads', reporters: [fileHere('count-reporter.ts')] }
  writeFileSync(join(folder, 'vitest.config.mjs'), `export default { test: ${JSON.stringify(config)} }`)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, `${name}.test.mjs`), text)
  const { VITEST: _vitest, ...env } = process.env
  return new Promise<{ code: number; lines: string[] }>((resolve) => {
    const child = execFile(
      process.execPath,
      [fileHere('test-twice.ts'), String(seconds)],
      { cwd: folder, env },
      (_, text) =>
        resolve({
          code: child.exitCode ?? -1,
          lines: text.split('\n').filter((line) => /^(FAILED|FLAKY|\d+ passed)/.test(line)),
        }),
    )
  })
}

/** A test that fails until it ran as often as given. */
const failing = (times: number): string => `
import { existsSync, writeFileSync } from 'node:fs'
test('works', () => {})
test('works at last', () => {
  const runs = [1, 2].filter((run) => existsSync('run-' + run)).length
  writeFileSync('run-' + (runs + 1), '')
  expect(runs).toBe(${times})
})`

const hopeless = `test('never works', () => { throw new Error('broken: here') })`

test('a test that passes when its file runs once more is flaky, and not a failure', async () => {
  const { code, lines } = await runTests({ busy: failing(1), good: `test('works', () => {})` }, 600)
  expect(lines).toEqual([
    'FLAKY busy.test.mjs > works at last: expected +0 to be 1 // Object.is equality',
    '3 passed, 0 failed, 0 skipped',
  ])
  expect(code).toBe(0)
})

test('a test that fails again is a failure, beside a flaky one', async () => {
  const { code, lines } = await runTests({ bad: hopeless, busy: failing(1) }, 600)
  expect(lines).toEqual([
    'FAILED bad.test.mjs > never works: broken: here',
    'FLAKY busy.test.mjs > works at last: expected +0 to be 1 // Object.is equality',
    '2 passed, 1 failed, 0 skipped',
  ])
  expect(code).toBe(1)
})

test.each([
  ['the time is over', { busy: failing(1) }, 0, '1 passed, 1 failed, 0 skipped'],
  [
    'more than three files failed',
    Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [name, hopeless])),
    600,
    '0 passed, 4 failed, 0 skipped',
  ],
  [
    'an error outside every test',
    { busy: failing(1), outside: `test('works', () => void Promise.reject(new Error('late')))` },
    600,
    '2 passed, 2 failed, 0 skipped',
  ],
])('nothing runs again: %s', async (_title, files, seconds, counts) => {
  const { code, lines } = await runTests(files, seconds)
  expect(lines.at(-1)).toBe(counts)
  expect(lines.filter((line) => line.startsWith('FLAKY'))).toEqual([])
  expect(code).toBe(1)
})
