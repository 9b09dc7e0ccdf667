import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { nodeArguments, packageFolder } from '../../test/broken-packages.ts'
import { type IsolatedChecksOptions, runIsolatedChecks } from './run-isolated-checks.ts'

/** A connector of another copy of core, with a collector and the beginning of its module. */
const code = (collect: string, first = ''): string => `${first}
const schema = { type: 'object', properties: {} }
const config = { '~standard': { version: 1, vendor: 'x', validate: (value) => ({ value }), jsonSchema: { input: () => schema } } }
const command = { shell: 'sh', text: 'rca-agent', toString: () => 'rca-agent', [Symbol.for('rca.shell-command')]: true }
export const connector = Object.defineProperty(
  {
    contract: 1, type: 'acme/queues', title: 'Acme queues', description: 'Watch the queues of an Acme broker', config,
    signals: {}, deploy: () => ({ command }), connect: async () => ({}), identify: async () => ({ id: 'a', name: 'a' }),
    collectors: { own: { collect: async () => { ${collect}; return {} } } },
  },
  Symbol.for('rca.connector'),
  { value: true },
)
`

const scenarios = 'export const scenarios = [{ name: `${process.env.RCA_TEST_GIVEN} ${process.env.RCA_TEST_TOKEN}` }]'

/** Returns the outcomes by id: the status, and the first finding or the missing part. */
async function outcomesOf(source: string, options: Partial<IsolatedChecksOptions> = {}) {
  const folder = packageFolder({ code: source, files: { 'scenarios.js': scenarios } })
  const scenariosModule = join(folder, 'scenarios.js')
  const results = await runIsolatedChecks({ packageFolder: folder, scenariosModule, nodeArguments, ...options })
  return new Map(results.map(({ id, status, findings, skipped }) => [id, `${status} ${findings[0] ?? skipped ?? ''}`]))
}

// Each test starts processes that load the test kit.
describe('runIsolatedChecks', { timeout: 120_000 }, () => {
  test('makes every check, without the environment of this process', async () => {
    vi.stubEnv('RCA_TEST_GIVEN', 'given')
    vi.stubEnv('RCA_TEST_TOKEN', 'canary-token')
    const outcomes = await outcomesOf(code("throw new Error('no queues')"), { environment: ['RCA_TEST_GIVEN'] })
    vi.unstubAllEnvs()
    expect(outcomes.get('COL-works')).toMatch(/^failed given undefined: .*no queues/)
    expect([...outcomes.keys()]).toEqual(
      expect.arrayContaining(['MAN-present', 'LOAD-ends', 'DEP-works', 'RUN-memory']),
    )
    expect(outcomes.get('LOAD-ends')).toBe('passed ')
  })

  test('names the check during which the connector ends the process, and makes the others', async () => {
    const outcomes = await outcomesOf(code("process.kill(process.pid, 'SIGKILL'); await new Promise(() => undefined)"))
    const ended = [...outcomes].filter(([, outcome]) => outcome === 'failed the process ended with SIGKILL')
    // It is the first one that looks at a run of the scenarios.
    expect(ended.map(([id]) => id)).toContain('CFG-environment')
    expect(outcomes.get('CON-works')).toBe('skipped it needs scenarios that end: `CFG-environment` says what happened')
    expect([outcomes.get('CFG-described'), outcomes.get('MAN-valid')]).toEqual(['passed ', 'passed '])
  })

  test('makes the checks of a package whose import ends the process', async () => {
    const outcomes = await outcomesOf(code('', 'process.exit(3)'))
    expect(outcomes.get('LOAD-ends')).toBe('failed the import ended the process with code 3')
    expect(outcomes.get('MAN-present')).toBe('passed ')
    expect(outcomes.get('DEP-works')).toBe('skipped it needs a package whose import ends, and does not end the process')
  })

  test('stops a check that takes too long', async () => {
    const outcomes = await outcomesOf(code('while (true);'), { checkTimeoutMs: 5_000 })
    expect([...outcomes.values()]).toContain('failed it did not end within 5 s, and its process was stopped')
    expect(outcomes.get('CFG-described')).toBe('passed ')
  })

  test('says why it cannot make the checks', async () => {
    const folder = packageFolder({ code: code(''), json: { 'rca-kit': { except: { 'MAN-none': 'Why.' } } } })
    await expect(runIsolatedChecks({ packageFolder: folder, nodeArguments })).rejects.toThrow('`MAN-none`')
  })
})
