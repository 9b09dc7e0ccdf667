import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type InstalledApi, startApi } from '../installed-api.ts'
import { type LocalRegistry, startLocalRegistry } from '../local-registry.ts'
import { findTarball, inShell, pack, paths, repository } from '../user-shell.ts'

const ANSWERS = ['--type', 'example/lamps', '--title', 'Example lamps', '--item', 'lamp', '--yes']
const PACKAGE = '@example/rca-connector-lamps'

/** npm downloads and the compiler runs several times: a loaded machine takes minutes. */
const TIMEOUT_MS = 900_000

/** The service of the package that `npm create` writes. */
interface FakeServer {
  readonly url: string
  close(): Promise<void>
}

/**
 * Everything from npm registries, as users have it: this repository's packages from a local one, all others from npm's.
 * The API runs on the repository's Node, since it needs a newer one than the agent.
 */
describe.each(paths)("a stranger's connector, from an empty folder to its data, with %s", (_title, path) => {
  const newer = paths[1]?.[1] ?? ''
  let folder = ''
  let registry: LocalRegistry
  let environment: Readonly<Record<string, string>>
  let author = ''
  let lamps: FakeServer
  let api: InstalledApi

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rca-registry-test-'))
    registry = await startLocalRegistry(['@rca', '@example'])
    const settings = join(folder, 'npmrc')
    await writeFile(settings, `${registry.settings}audit=false\nfund=false\n`)
    environment = { ...registry.environment, npm_config_userconfig: settings, HOME: folder }
    const tarballs = join(folder, 'tarballs')
    for (const name of ['tarballs', 'author', 'agent', 'api']) await mkdir(join(folder, name))
    for (const name of readdirSync(join(repository, 'packages')))
      if (existsSync(join(repository, 'packages', name, 'package.json'))) await registry.add(await pack(tarballs, name))
    for (const name of ['agent', 'api']) await registry.add(await pack(tarballs, name, 'apps'))
    author = join(folder, 'author', 'lamps')
  }, TIMEOUT_MS)
  afterAll(async () => {
    api?.stop()
    await lamps?.close()
    await registry?.close()
    await rm(folder, { recursive: true, force: true })
  })

  const npm = (at: string, words: readonly string[], nodePath = path) =>
    inShell(at, 'npm', words, nodePath, environment)
  const ask = async <Answer>(resource: string, body?: object): Promise<Answer> => {
    const response = await fetch(`${api.url}/api/v1/${resource}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${api.admin_token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    expect(response.ok, `${response.status} for ${resource}`).toBe(true)
    return (await response.json()) as Answer
  }

  test('is written, passes its tests, is packed and published', { timeout: TIMEOUT_MS }, async () => {
    await npm(join(folder, 'author'), ['create', '--yes', '@rca/connector', 'lamps', '--', ...ANSWERS])
    await npm(author, ['install'])
    expect((await npm(author, ['test'])).stdout).toMatch(/fail 0\n/)
    await npm(author, ['exec', '--', 'rca-connector', 'pack'])
    await npm(author, ['publish', await findTarball(author, 'example-rca-connector-lamps-'), '--ignore-scripts'])
    expect(registry.packages().at(-1)).toBe(`${PACKAGE}@0.1.0`)
  })

  test('is added to an API, which offers its type', { timeout: TIMEOUT_MS }, async () => {
    const home = join(folder, 'api')
    const variables = { ...environment, RCA_CONNECTORS: join(home, 'connectors') }
    await npm(home, ['install', '@rca/api'], newer)
    const { stdout } = await inShell(home, 'node_modules/.bin/rca-api', ['add', PACKAGE], newer, variables)
    expect(stdout).toContain(`Added ${PACKAGE}@0.1.0: type example/lamps`)
    api = await startApi(home, newer, variables)
    expect((await ask<{ types: string[] }>('agent/types')).types).toContain('example/lamps')
  })

  test('is added to an agent by the provisioned command, and its data and events arrive', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const { startFakeServer } = (await import(
      /* @vite-ignore */ pathToFileURL(join(author, 'test/fake-server.ts')).href
    )) as { startFakeServer(): Promise<FakeServer> }
    lamps = await startFakeServer()
    const provisioned = await ask<{ deployment_command: string }>('agent/provision', {
      agent_type: 'example/lamps',
      environment_name: 'production',
      config: { example_lamps_url: lamps.url, collect_interval: '1s' },
    })
    const home = join(folder, 'agent')
    await npm(home, ['install', '@rca/agent'])
    // The machine's administrator sets this once, and the command is pasted.
    const agent = startShell(home, provisioned.deployment_command, [join(home, 'node_modules/.bin'), path], {
      ...environment,
      RCA_CONNECTORS: join(home, 'connectors'),
      RCA_STATE_DIR: join(home, 'state'),
    })
    onTestFinished(agent.stop)
    const arrived = async () => {
      const query = 'environment=production&name=example.lamps.lamp.load'
      const { series } = await ask<{ series: { entity: { id: string }; points: { value: number }[] }[] }>(
        `metrics?${query}`,
      )
      const { events } = await ask<{ events: { name: string; body: string }[] }>('events?environment=production')
      return {
        loads: series.map(({ entity, points }) => [entity.id, points.at(-1)?.value]).toSorted(),
        events: events.filter(({ name }) => name.startsWith('example.')).map(({ body }) => body),
        output: agent.isRunning() ? '' : agent.output(),
      }
    }
    await expect.poll(arrived, { timeout: 120_000, interval: 500 }).toEqual({
      loads: [
        ['service-1/invoices', 0.75],
        ['service-1/mails', 0],
      ],
      events: ['mails was made'],
      output: '',
    })
    expect(agent.output()).toContain(`Added ${PACKAGE}@0.1.0`)
  })
})

/** Runs a command as `sh` does with a pasted line. */
function startShell(
  folder: string,
  command: string,
  path: readonly string[],
  variables: Readonly<Record<string, string>>,
) {
  const { VITEST: _vitest, NODE_TEST_CONTEXT: _context, ...env } = process.env
  const child: ChildProcess = spawn('sh', ['-c', command], {
    cwd: folder,
    env: { ...env, ...variables, PATH: path.join(delimiter), NODE_OPTIONS: '' },
    // A group of its own: the shell does not pass on signals.
    detached: true,
  })
  let output = ''
  const append = (data: Buffer): void => {
    output += String(data)
  }
  child.stdout?.on('data', append)
  child.stderr?.on('data', append)
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null
  return {
    output: () => output,
    isRunning,
    stop: async (): Promise<void> => {
      if (!isRunning()) return
      const end = once(child, 'close')
      process.kill(-(child.pid ?? 0), 'SIGTERM')
      await end
    },
  }
}
