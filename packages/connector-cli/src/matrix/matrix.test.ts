import type { CheckResult } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { supportedCores } from './core-versions.ts'
import { type MatrixMachine, matrixTable, runMatrix } from './run-matrix.ts'

describe('supportedCores', () => {
  test('takes the newest version of the line before, the current and the next one', () => {
    const versions = ['0.3.0', '0.4.0', '0.4.10', '0.4.9', '0.5.0-beta.1', '0.5.0', '0.5.1', '0.6.0-beta.0']
    expect(supportedCores(versions, { latest: '0.5.1', next: '0.6.0-beta.0' })).toEqual([
      { name: 'previous', version: '0.4.10' },
      { name: 'current', version: '0.5.1' },
      { name: 'next', version: '0.6.0-beta.0' },
    ])
  })

  test('counts major versions from 1.0.0 on, and ignores a `next` that is older', () => {
    expect(supportedCores(['1.9.0', '2.0.0', '2.1.0'], { latest: '2.1.0', next: '2.1.0-rc.1' })).toEqual([
      { name: 'previous', version: '1.9.0' },
      { name: 'current', version: '2.1.0' },
      { name: 'next' },
    ])
    expect(supportedCores(['0.0.0'], { latest: '0.0.0' }).map(({ version }) => version)).toEqual([
      undefined,
      '0.0.0',
      undefined,
    ])
  })
})

const result = (id: string, status: CheckResult['status']): CheckResult => ({
  id,
  status,
  title: 'passes',
  reason: 'It matters.',
  severity: 'error',
  remedy: 'Fix it.',
  findings: [],
})

/** Installs everything, and passes one check. */
const working: MatrixMachine = {
  installNode: async (major) => `/node-${major}`,
  installPackage: async (version) => `/core-${version}`,
  check: async () => [result('CON-works', 'passed'), result('COL-empty', 'skipped')],
}
const CORES = [{ name: 'previous' }, { name: 'current', version: '0.5.1' }]

describe('runMatrix', () => {
  test('checks each combination once, and calls a version missing that is not published', async () => {
    const made: string[] = []
    const machine: MatrixMachine = {
      ...working,
      check: async (folder, node) => {
        made.push(`${folder} on ${node}`)
        return working.check(folder, node)
      },
    }
    const cells = await runMatrix(CORES, ['20', '22'], machine)
    expect(made).toEqual(['/core-0.5.1 on /node-20', '/core-0.5.1 on /node-22'])
    expect(cells.map(({ status }) => status)).toEqual(['missing', 'missing', 'passed', 'passed'])
    expect(matrixTable(cells)).toEqual([
      '|  | core previous | core 0.5.1 (current) |',
      '| --- | --- | --- |',
      '| Node.js 20 | missing | 1 passed |',
      '| Node.js 22 | missing | 1 passed |',
      'missing: core previous, Node.js 20: no version of @rca/core is published as `previous`',
      'missing: core previous, Node.js 22: no version of @rca/core is published as `previous`',
    ])
  })

  test('calls combinations missing that cannot be installed, with the reason', async () => {
    const machine: MatrixMachine = {
      ...working,
      installNode: async (major) => {
        if (major === '26') throw new Error('npm has no Node.js 26')
        return working.installNode(major)
      },
    }
    const cells = await runMatrix(CORES.slice(1), ['24', '26'], machine)
    expect(cells).toMatchObject([{ status: 'passed' }, { status: 'missing', reasons: ['npm has no Node.js 26'] }])
  })

  test('fails where a check fails, none passes, or the process ends without results', async () => {
    const outcomes: Readonly<Record<string, () => Promise<readonly CheckResult[]>>> = {
      '/node-20': async () => [result('CON-works', 'passed'), result('COL-fault', 'failed')],
      '/node-22': async () => [result('CON-works', 'skipped')],
      '/node-24': async () => {
        throw new Error('it ended with exit code 7')
      },
    }
    const check: MatrixMachine['check'] = async (_folder, node) => (await outcomes[node]?.()) ?? []
    const cells = await runMatrix(CORES.slice(1), ['20', '22', '24'], { ...working, check })
    expect(cells.map(({ status, reasons }) => [status, ...reasons])).toEqual([
      ['failed', 'COL-fault'],
      ['failed', 'no check passed'],
      ['failed', 'it ended with exit code 7'],
    ])
    expect(matrixTable(cells)).toContain('| Node.js 22 | **failed** |')
  })
})
