import { createHash } from 'node:crypto'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ARCHIVES_TIMEOUT_MS, findArchives, hasProgram, run, FIRST_VERSION as VERSION } from '@rca/rig'
import { realDescribe, realTest } from '@rca/rig/real'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packTarXz } from './archive.ts'
import { checkRequirements, PLATFORMS } from './platforms.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const own = `${process.platform}-${process.arch}`
const hasXz = await hasProgram('xz')
const built = PLATFORMS.filter(({ name }) => [own, 'linux-arm64', 'win-x64'].includes(name))
const absence =
  process.platform === 'linux'
    ? await checkRequirements(built).then(
        () => ({}),
        (error: Error) => ({ missing: error.message }),
      )
    : { missing: 'Linux', isUnattainable: true }
const hasMinisign = await hasProgram('minisign')

/** Runs `npm run artifacts` with these options. */
async function build(folder: string, key: string, words: readonly string[], env = {}): Promise<void> {
  await run(process.execPath, ['--conditions=@rca/source', 'scripts/artifacts.ts', ...words], {
    cwd: root,
    env: { RCA_ARTIFACTS_DIR: folder, RCA_SIGNING_KEY: key, ...env },
    timeout: 600_000,
  })
}

realDescribe('the archives of the agent', absence, () => {
  const home = mkdtempSync(join(tmpdir(), 'rca-artifacts-'))
  const first = join(home, 'first')
  const archive = `rca-agent-${VERSION}-${own}.tar.gz`
  /** Folder of the archives that other tests built from the same sources. */
  let earlier = ''
  const agent = join(home, 'bin/rca-agent')

  /** Starts the unpacked agent by a link, on a machine without Node. Returns its output. */
  const runAgent = (words: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> =>
    run('env', ['-i', 'PATH=/usr/bin:/bin', ...Object.entries(env).map((pair) => pair.join('=')), agent, ...words])

  beforeAll(async () => {
    const shared = await findArchives()
    earlier = shared.first
    const words = ['--version', VERSION, '--platform', built.map(({ name }) => name).join(',')]
    await build(first, shared.signingKey, words, { TZ: 'America/St_Johns' })
    await run('tar', ['-xzf', join(first, archive), '-C', home])
    mkdirSync(join(home, 'bin'))
    symlinkSync(`../rca-agent-${VERSION}-${own}/bin/rca-agent`, agent)
  }, ARCHIVES_TIMEOUT_MS)
  afterAll(() => rmSync(home, { recursive: true, force: true }))

  test('are listed with size and checksum', () => {
    const { version, files } = JSON.parse(readFileSync(join(first, 'release.json'), 'utf8'))
    expect(version).toBe(VERSION)
    expect(Object.keys(files)).toEqual(built.map(({ name }) => name).sort())
    const content = readFileSync(join(first, archive))
    const sha256 = createHash('sha256').update(content).digest('hex')
    expect(files[own]).toEqual({ name: archive, sha256, size: content.length })
    expect(content.length).toBeLessThan(45e6)
  })

  test('have signed checksums that sha256sum and openssl accept', async () => {
    await run('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: first })
    const bytesOf = (name: string): Buffer =>
      Buffer.from(readFileSync(join(first, name), 'utf8').split('\n')[1] ?? '', 'base64')
    const prefix = Buffer.from('302a300506032b6570032100', 'hex')
    writeFileSync(join(home, 'public.der'), Buffer.concat([prefix, bytesOf('rca-agent.pub').subarray(10)]))
    writeFileSync(join(home, 'signature'), bytesOf('SHA256SUMS.minisig').subarray(10))
    const publicKey = ['-pubin', '-keyform', 'DER', '-inkey', join(home, 'public.der')]
    const words = [...publicKey, '-rawin', '-in', join(first, 'SHA256SUMS'), '-sigfile', join(home, 'signature')]
    expect(await run('openssl', ['pkeyutl', '-verify', ...words])).toContain('Verified Successfully')
  })

  realTest('have a signature that minisign accepts', hasMinisign, async () => {
    const words = ['-V', '-p', join(first, 'rca-agent.pub'), '-m', join(first, 'SHA256SUMS')]
    expect(await run('minisign', words)).toMatch(
      new RegExp(`Trusted comment: timestamp:\\d+\\tfile:SHA256SUMS\\tversion:${VERSION}`),
    )
  })

  test('are the same bytes when built again in another time zone', () => {
    for (const name of [archive, 'rca-agent.pub'])
      expect([name, readFileSync(join(first, name)).equals(readFileSync(join(earlier, name)))]).toEqual([name, true])
  })

  test('contain an agent that needs no Node, with its version and connectors', async () => {
    expect(await runAgent(['--version'])).toBe(`${VERSION}\n`)
    const { types, problems, warnings } = JSON.parse(await runAgent(['types', '--json']))
    expect(types.map(({ type }: { type: string }) => type)).toEqual(['docker', 'kubernetes', 'lambda', 'server'])
    expect([problems, warnings]).toEqual([[], []])
    // They are described without their code.
    for (const { connector } of types) {
      const file = join(home, `rca-agent-${VERSION}-${own}/app/node_modules`, connector.package, 'rca.json')
      expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject(connector)
    }
  })

  test('contain an agent that reads this machine', async () => {
    const { agent_version, data } = JSON.parse(await runAgent(['collect', '--type', 'server']))
    expect(agent_version).toBe(VERSION)
    expect(data.entities).toContainEqual(expect.objectContaining({ type: 'host' }))
  })

  test('contain an agent that loads its client of Docker', async () => {
    const absent = `unix://${join(home, 'absent.sock')}`
    const reading = runAgent(['collect', '--type', 'docker'], { DOCKER_HOST: absent })
    await expect(reading).rejects.toThrow(`Docker cannot be read: No engine at ${absent}`)
  })

  test('use the connectors of RCA_CONNECTORS, which share the core of the agent', async () => {
    const broker = createServer((_request, response) => response.end('5'))
    await new Promise<void>((resolve) => broker.listen(0, '127.0.0.1', resolve))
    const folder = join(home, 'connectors')
    const installed = join(folder, 'node_modules/rca-connector-queues')
    mkdirSync(installed, { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{ "dependencies": { "rca-connector-queues": "1.0.0" } }')
    const rca = { contract: 1, type: 'acme/queues', title: 'Acme queues', description: 'Watch queues' }
    const packageJson = { name: 'rca-connector-queues', version: '1.0.0', type: 'module', exports: './index.js', rca }
    writeFileSync(join(installed, 'package.json'), JSON.stringify(packageJson))
    writeFileSync(join(installed, 'index.js'), connector)
    const url = `http://127.0.0.1:${(broker.address() as AddressInfo).port}`
    const env = { RCA_CONNECTORS: folder, AGENT_TYPE: 'acme/queues', BROKER_URL: url }
    expect(await runAgent(['types'], env)).toContain('acme/queues\tWatch queues\trca-connector-queues@1.0.0\n')
    const { data } = JSON.parse(await runAgent(['collect'], env))
    expect(data.gaps).toEqual([])
    expect(data.metrics).toContainEqual(expect.objectContaining({ name: 'acme.queue.messages', value: 5 }))
    broker.close()
  })

  test('refuse a folder of connectors that does not exist', async () => {
    await expect(runAgent(['types'], { RCA_CONNECTORS: join(home, 'absent') })).rejects.toThrow(
      /ended with 2: RCA_CONNECTORS is .*absent/,
    )
  })

  test('contain the licences of everything in them', () => {
    const text = readFileSync(join(home, `rca-agent-${VERSION}-${own}`, 'THIRD-PARTY-LICENSES'), 'utf8')
    const { components } = JSON.parse(readFileSync(join(first, `rca-agent-${VERSION}.cdx.json`), 'utf8'))
    for (const { name, version, licenses, purl } of components) {
      expect(licenses, name).toHaveLength(1)
      expect(JSON.stringify(licenses), name).not.toContain('NOASSERTION')
      if (!name.startsWith('@rca/') && !/arm64|win-x64/.test(purl)) expect(text).toContain(`${name} ${version} (`)
    }
    expect(components.length).toBeGreaterThan(50)
  })

  test('contain programs of their own platform', async () => {
    const arm = join(home, 'arm')
    mkdirSync(arm)
    await run('tar', [
      '-xzf',
      join(first, `rca-agent-${VERSION}-linux-arm64.tar.gz`),
      '-C',
      arm,
      '--strip-components=1',
    ])
    expect(readFileSync(join(arm, 'bin/node')).readUInt16LE(18)).toBe(183)
    expect((await run('patchelf', ['--print-rpath', join(arm, 'bin/node')])).trim()).toBe('$ORIGIN/../lib')
    expect(statSync(join(arm, 'lib/libatomic.so.1')).size).toBeGreaterThan(0)
    const list = await run('python3', ['-m', 'zipfile', '-l', join(first, `rca-agent-${VERSION}-win-x64.zip`)])
    for (const name of ['bin/node.exe', 'bin/rca-agent.cmd', 'app/dist/main.js', 'THIRD-PARTY-LICENSES'])
      expect(list).toContain(`rca-agent-${VERSION}-win-x64/${name} `)
  })

  realTest('have a format for macOS that tar unpacks, of the same bytes when packed again', hasXz, async () => {
    const files = [
      { path: 'agent/bin/node', content: 'program', isExecutable: true },
      { path: 'agent/VERSION', content: '1.2.3\n' },
    ]
    const time = new Date('2026-05-04T03:02:00Z')
    const content = await packTarXz(files, time)
    expect((await packTarXz(files.toReversed(), time)).equals(content)).toBe(true)
    const folder = join(home, 'xz')
    mkdirSync(folder)
    writeFileSync(join(folder, 'agent.tar.xz'), content)
    await run('tar', ['-xf', 'agent.tar.xz'], { cwd: folder })
    expect(readFileSync(join(folder, 'agent/VERSION'), 'utf8')).toBe('1.2.3\n')
    expect(statSync(join(folder, 'agent/bin/node')).mode & 0o777).toBe(0o755)
  })

  test('leave no unfinished file behind', () => {
    expect(readdirSync(first).filter((name) => name.startsWith('.'))).toEqual([])
  })
})

/** A connector without dependencies of its own. */
const connector = `
import { command, defineConnector, entity, metric } from '@rca/core/connector'
const signals = {
  queue: entity({ type: 'acme.queue', description: 'A queue.' }),
  messages: metric({ name: 'acme.queue.messages', unit: '{message}', kind: 'updowncounter', description: 'Messages.' }),
}
const queue = signals.queue.reference('mails')
const properties = { broker_url: { type: 'string' } }
export const queues = defineConnector({
  type: 'acme/queues',
  title: 'Acme queues',
  description: 'Watch queues',
  config: {
    '~standard': {
      version: 1,
      vendor: 'acme',
      validate: (value) => ({ value }),
      jsonSchema: { input: () => ({ type: 'object', properties }), output: () => ({ type: 'object', properties }) },
    },
  },
  signals,
  deploy: () => ({ command: command('true') }),
  connect: async ({ config }) => config.broker_url,
  identify: async () => ({ id: 'mails', name: 'mails', entity: queue }),
  collectors: {
    queues: {
      collect: async (url) => ({
        entities: [signals.queue.entity({ id: 'mails' })],
        metrics: [signals.messages.point(Number(await (await fetch(url)).text()), queue)],
      }),
    },
  },
})
`
