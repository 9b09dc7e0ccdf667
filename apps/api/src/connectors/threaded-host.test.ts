import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { discoverConnectors } from '@rca/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { ConnectorHost } from './connector-host.ts'
import { createThreadedHost, type HostTimes } from './threaded-host.ts'

const CORE = fileURLToPath(new URL('../../../../packages/core', import.meta.url))

/** Limits that nothing reaches on a busy machine. */
const PATIENT: HostTimes = { loadMs: 100_000, answerMs: 100_000, idleMs: 100_000, retryMs: 100_000 }

const TARGET = { platformUrl: 'https://rca.example.com', agentToken: `agent_prod_${'x'.repeat(43)}` }

/** Returns the module of a connector with this `deploy`. */
function connectorWith(deploy: string, before = ''): string {
  return `import { command, defineConnector } from '@rca/core/connector'
${before}
const schema = { type: 'object', properties: { region: { type: 'string' }, api_token: { type: 'string', writeOnly: true } } }
export const connector = defineConnector({
  type: 'acme/queues', title: 'Acme', description: 'Watch Acme.', signals: {}, collectors: {},
  config: { '~standard': { version: 1, vendor: 'acme', validate: (value) => ({ value }), jsonSchema: { input: () => schema } } },
  connect: async () => undefined, identify: async () => undefined,
  deploy: (target) => { ${deploy} },
})`
}

const USABLE = connectorWith("return { command: command('install', target.agentToken) }")

/** Installs packages with these modules, each with a connector of the type `acme/<name>`, and hosts them. */
async function hostOf(
  modules: Readonly<Record<string, string>>,
  times: Partial<HostTimes> = {},
): Promise<ConnectorHost> {
  const root = mkdtempSync(join(tmpdir(), 'rca-api-threads-'))
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  for (const [name, code] of Object.entries(modules)) {
    const rca = { contract: 1, type: `acme/${name}`, title: 'Acme', description: `Watch ${name}.` }
    const manifest = { name: `rca-${name}`, version: '1.2.3', type: 'module', exports: './index.js', rca }
    write(`node_modules/rca-${name}/package.json`, JSON.stringify(manifest))
    write(`node_modules/rca-${name}/index.js`, code.replace('acme/queues', `acme/${name}`))
  }
  const dependencies = Object.fromEntries(Object.keys(modules).map((name) => [`rca-${name}`, '*']))
  write('package.json', JSON.stringify({ dependencies }))
  mkdirSync(join(root, 'node_modules/@rca'))
  symlinkSync(CORE, join(root, 'node_modules/@rca/core'))
  const registry = await discoverConnectors({ from: join(root, 'main.js') })
  const host = createThreadedHost(registry, registry.searched ?? [], { ...PATIENT, ...times })
  onTestFinished(async () => {
    await host.close()
    rmSync(root, { recursive: true })
  })
  return host
}

const typesOf = async (host: ConnectorHost): Promise<string[]> => (await host.describeAll()).map(({ type }) => type)

describe('modules that cannot be loaded', () => {
  test('cost only their own type, with a problem that names the package and the fix', async () => {
    const host = await hostOf({
      exits: `process.exit(7)\n${USABLE}`,
      prototypes: `Object.prototype.extra = () => { throw new Error('changed') }\n${USABLE}`,
      throws: `throw new Error('no disk')\n${USABLE}`,
      later: `setTimeout(() => { throw new Error('too late') })\nawait new Promise((resolve) => setTimeout(resolve, 1e6))\n${USABLE}`,
      works: USABLE,
    })
    expect(await typesOf(host)).toContain('acme/works')
    const problems = new Map(host.problems().map(({ type, message }) => [type, message]))
    const end = 'Update or remove the package.'
    expect(problems.get('acme/exits')).toBe(
      `The connector of rca-exits@1.2.3 cannot be used: its code ended its thread with exit code 7. ${end}`,
    )
    expect(problems.get('acme/later')).toBe(
      `The connector of rca-later@1.2.3 cannot be used: its code failed outside of a call: too late. ${end}`,
    )
    expect(problems.get('acme/throws')).toContain(
      `rca-throws@1.2.3 cannot be used: its module \`rca-throws\` could not`,
    )
    await expect(host.describe('acme/throws')).rejects.toMatchObject({
      cause: { stack: expect.stringMatching(/^Error: no disk\n.*rca-throws\/index\.js:1/) },
    })
    expect(Object.keys(Object.prototype)).toEqual([])
    await expect(host.describe('acme/work')).rejects.toThrow('Did you mean `acme/works`?')
  })

  test('end at the limit if they hang', async () => {
    const host = await hostOf(
      { loops: `for (;;);\n${USABLE}`, waits: `await new Promise(() => {})\n${USABLE}` },
      { loadMs: 500 },
    )
    expect(await typesOf(host)).toEqual([])
    expect(host.problems().map(({ package: name, version, message }) => ({ name, version, message }))).toEqual(
      ['rca-loops', 'rca-waits'].map((name) => ({
        name,
        version: '1.2.3',
        message: `The connector of ${name}@1.2.3 cannot be used: its module did not load within 0.5 s. Update or remove the package.`,
      })),
    )
  })
})

describe('a module that failed to load', () => {
  const failureOf = (host: ConnectorHost, call: 'plan' | 'describe'): Promise<unknown> =>
    (call === 'plan' ? host.plan('acme/waits', TARGET) : host.describe('acme/waits')).catch((error: unknown) => error)
  const WAITS = `await new Promise(() => {})\n${USABLE}`

  test('is not loaded again for each question', async () => {
    const host = await hostOf({ waits: WAITS }, { loadMs: 500 })
    const first = await failureOf(host, 'plan')
    expect(first).toMatchObject({ message: expect.stringContaining('its module did not load within 0.5 s') })
    // The same object: no other thread was started.
    expect(await failureOf(host, 'plan')).toBe(first)
    expect(await failureOf(host, 'describe')).toBe(first)
    expect(await typesOf(host)).toEqual([])
    expect(host.problems()).toMatchObject([{ package: 'rca-waits', type: 'acme/waits' }])
  })

  test('is loaded again later', async () => {
    const host = await hostOf({ waits: WAITS }, { loadMs: 500, retryMs: 0 })
    const first = await failureOf(host, 'plan')
    expect(await failureOf(host, 'plan')).not.toBe(first)
  })
})

describe('deploy', () => {
  test('gets no environment, and returns commands and the names of secret options', async () => {
    const code = connectorWith("return { command: command('install', String(Object.keys(process.env).length)) }")
    const host = await hostOf({ queues: code })
    const config = { region: 'eu', api_token: 'canary-1234' }
    expect(await host.plan('acme/queues', { ...TARGET, config })).toMatchObject({
      deployment: { command: 'install 0' },
      secretOptions: ['api_token'],
    })
    await expect(host.plan('acme/queues', { ...TARGET, config: { regio: 'eu' } })).rejects.toMatchObject({
      code: 'RCA_CONFIG_INVALID',
      issues: [{ path: ['regio'] }],
    })
  })

  test('costs only the call that throws or returns no command, and keeps secrets out of the problem', async () => {
    const code = connectorWith(
      "if (target.config.region !== 'eu') return { command: 'text' }; throw new Error(`no ${target.agentToken} ${target.config.api_token}.`)",
    )
    const host = await hostOf({ queues: code })
    const plan = (config: Record<string, string>) => host.plan('acme/queues', { ...TARGET, config })
    await expect(plan({ region: 'eu', api_token: 'canary-1234' })).rejects.toThrow(
      'The connector of rca-queues@1.2.3 cannot be used: its `deploy` failed: no [redacted] [redacted]. Update or remove the package.',
    )
    await expect(plan({})).rejects.toThrow('its `deploy` failed: `command` of a deployment must be a command')
  })

  test('is ended after the limit, each time in a new thread', async () => {
    const host = await hostOf({ queues: connectorWith('for (;;);') }, { answerMs: 500 })
    for (let count = 0; count < 2; count += 1)
      await expect(host.plan('acme/queues', TARGET)).rejects.toThrow(
        'The connector of rca-queues@1.2.3 cannot be used: its `deploy` did not return within 0.5 s. Update or remove the package.',
      )
  })

  test('ends with the host', async () => {
    const host = await hostOf({ queues: connectorWith('for (;;);') })
    await host.describe('acme/queues')
    const ended = expect(host.plan('acme/queues', TARGET)).rejects.toThrow('was ended')
    await host.close()
    await ended
  })
})
