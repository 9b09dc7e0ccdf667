import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { startFakePlatform, temporaryDirectory } from './fakes.ts'

/** A connector whose collector runs this code. */
const connectorThat = (code: string): string => `
import { defineConnector, entity } from '@rca/core/connector'
const schema = { type: 'object', properties: {} }
const config = { '~standard': { version: 1, vendor: 'x', validate: (value) => ({ value }), jsonSchema: { input: () => schema } } }
const host = entity({ type: 'host', description: 'A host.' })
console.log('loaded')
export const connector = defineConnector({
  type: 'acme/queues', title: 'T', description: 'D', config, signals: { host },
  deploy: () => ({ command: '' }),
  connect: async () => ({}),
  identify: async () => ({ id: 'a', name: 'a', entity: host.reference('a') }),
  collectors: { queues: { collect: async () => { ${code}; return { entities: [host.entity({ id: 'a' })] } } } },
})`

/** Runs the agent with such a connector. */
async function runAgent(code: string, ...words: string[]) {
  return runAgentWith(connectorThat(code), {}, ...words)
}

/** Runs the agent with a connector of this module, and further variables. */
async function runAgentWith(module: string, variables: Readonly<Record<string, string>>, ...words: string[]) {
  const folder = temporaryDirectory()
  const home = join(folder, 'node_modules/rca-queues')
  mkdirSync(home, { recursive: true })
  const rca = { contract: 1, type: 'acme/queues', title: 'T', description: 'D' }
  const described = { name: 'rca-queues', version: '1.0.0', type: 'module', exports: './index.js', rca }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ dependencies: { 'rca-queues': '*' } }))
  writeFileSync(join(home, 'package.json'), JSON.stringify(described))
  writeFileSync(join(home, 'index.js'), module)
  const now = new Date().toISOString()
  const body = { accepted: 1, duplicates: 0, interval_seconds: 30, server_time: now }
  const { url } = await startFakePlatform({ status: 200, body })
  const child = spawn(
    process.execPath,
    ['--conditions=@rca/source', join(import.meta.dirname, '../src/main.ts'), ...words],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        RCA_CONNECTORS: folder,
        RCA_HEALTH_PORT: 'off',
        RCA_STATE_DIR: join(folder, 'state'),
        PLATFORM_API_URL: url,
        AGENT_TOKEN: 'agent_shop_canary',
        AGENT_TYPE: 'acme/queues',
        ...variables,
      },
    },
  )
  onTestFinished(() => void child.kill('SIGKILL'))
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve))
  const [status, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
  const lines = stderr.split('\n').filter((line) => line.startsWith('{'))
  const record = (): unknown => JSON.parse(readFileSync(join(folder, 'state/acme_queues/crash.json'), 'utf8'))
  return { status, stdout, stderr, record, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) }
}

test('an error that a connector throws in a timer ends the agent with a line that has its stack', async () => {
  const { status, lines, stderr, record } = await runAgent(
    "setTimeout(() => { throw new Error('lost agent_shop_canary') }, 1)",
  )
  expect(status).toBe(1)
  expect(lines.at(-1)).toMatchObject({
    level: 'error',
    agent_type: 'acme/queues',
    reason: 'Error: lost [redacted]',
    stack: expect.stringMatching(/^Error: lost \[redacted\][\s\S]*rca-queues\/index\.js/),
    msg: 'uncaught error: the agent ends',
  })
  expect(stderr).not.toContain('canary')
  expect(record()).toEqual({
    at: expect.any(String),
    agent_id: expect.any(String),
    reason: 'lost [redacted]',
    stack: expect.stringMatching(/^Error: lost \[redacted\][\s\S]*rca-queues\/index\.js/),
    package: 'rca-queues',
    version: '1.0.0',
  })
})

test('a connector that calls process.exit is named by the last line of the log', async () => {
  const { status, lines, record } = await runAgent('process.exit(7)')
  expect(status).toBe(7)
  expect(lines.at(-1)).toMatchObject({
    level: 'error',
    exit_code: 7,
    stack: expect.stringContaining('rca-queues/index.js'),
    msg: 'process.exit was called: the agent ends',
  })
  expect(record()).toMatchObject({ exit_code: 7, reason: 'it called process.exit', package: 'rca-queues' })
})

test('standard error gets the text that a connector prints', async () => {
  const { status, stdout, stderr } = await runAgent("process.stdout.write('collecting\\n')", 'collect')
  expect(JSON.parse(stdout)).toMatchObject({ agent_type: 'acme/queues' })
  expect(stderr).toBe('loaded\ncollecting\n')
  expect(status).toBe(0)
})

test('a connector that ends the process while it is loaded is named', async () => {
  const { status, stderr } = await runAgentWith('process.exit(7)', {})
  expect(status).toBe(7)
  expect(stderr).toBe(
    'The process ends with exit code 7 while it loads the connector of rca-queues@1.0.0. If the package calls `process.exit`, update or remove it.\n',
  )
})

test.each([
  ['debug', /^The connector of rca-queues@1\.0\.0 .*no disk.*\nError: no disk\n.*rca-queues\/index\.js:1/],
  ['info', /^The connector of rca-queues@1\.0\.0 [^\n]*no disk[^\n]*\n$/],
])('the stack of a module that throws is printed with LOG_LEVEL=%s, if it is debug', async (level, text) => {
  const { status, stderr } = await runAgentWith("throw new Error('no disk')", { LOG_LEVEL: level })
  expect(status).toBe(2)
  expect(stderr).toMatch(text)
})
