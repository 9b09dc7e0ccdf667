import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hasProgram } from '@rca/rig'
import { realTest } from '@rca/rig/real'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type FakeArchives, makeArchives } from '../../test/fake-archives.ts'
import { type FakeMachine, fakeMachine, fakeManager, placeArchive } from '../../test/fake-machine.ts'
import { createLayout } from '../service/layout.ts'
import { type PlatformConnection, readInstalledEnvironment } from './platform-connection.ts'
import { applyUpdate, type Become, checkForUpdate, type UpdateTarget } from './update.ts'

const layout = createLayout('linux')
const hasXz = await hasProgram('xz')

/** Serves archives for one test. `change` returns the bytes to send, or `undefined` to cut the answer. */
async function serve(
  { files }: FakeArchives,
  change = (_name: string, bytes: Buffer): Buffer | undefined => bytes,
): Promise<PlatformConnection> {
  const server = createServer((request, response) => {
    const name = request.url?.replace('/downloads/', '') ?? ''
    const bytes = files.get(name)
    if (bytes === undefined) return response.writeHead(404).end()
    const sent = change(name, bytes)
    response.setHeader('content-length', bytes.length)
    if (sent !== undefined) return response.end(sent)
    return response.write(bytes.subarray(0, 10), () => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, hasProxy: false }
}

/** A machine with version 1.1.0 as a service, whose programs below its root are run. */
function installedMachine({ publicKey }: FakeArchives, version = '1.1.0'): FakeMachine {
  const machine = fakeMachine()
  placeArchive(machine, version)
  symlinkSync(`versions/${version}`, machine.path(layout.current))
  machine.write(layout.publicKey, publicKey)
  machine.write(layout.environmentFile, 'AGENT_TOKEN="secret"\n')
  machine.write('/etc/init.d/rca-agent', '')
  machine.programs.set('tar', (...words) => ({ output: execFileSync('tar', words).toString() }))
  return machine
}

function targetOf(machine: FakeMachine, platform: PlatformConnection): Omit<UpdateTarget, 'signal'> {
  return { machine, layout, environment: readInstalledEnvironment(machine, layout), platform }
}

/** Updates, and returns the call of the new version, with paths as the machine has them. */
async function apply(
  machine: FakeMachine,
  platform: PlatformConnection,
  options: { version?: string; signal?: AbortSignal; isUnattended?: boolean; isRunning?: boolean } = {},
): Promise<string[] | undefined> {
  const { version, signal = new AbortController().signal, isUnattended = false, isRunning = true } = options
  const manager = fakeManager(machine)
  manager.isStarted = isRunning
  let call: string[] | undefined
  const become = (async (program: string, words: readonly string[]) => {
    call = [program.slice(machine.root.length), ...words]
  }) as unknown as Become
  const target = { ...targetOf(machine, platform), signal }
  await applyUpdate(target, { version, waitSeconds: '15', manager, isUnattended, become })
  return call
}

describe('update --check', () => {
  test.each([
    ['1.0.0', '1.1.0', true],
    ['1.1.0', '1.1.0', false],
    ['1.10.0', '1.9.0', false],
  ])('compares the installed %s with the newest %s', async (current, newest, isBehind) => {
    const archives = makeArchives([newest])
    const machine = installedMachine(archives, current)
    const { signal } = new AbortController()
    expect(await checkForUpdate({ ...targetOf(machine, await serve(archives)), signal })).toBe(isBehind)
    expect(machine.printed.slice(0, 2)).toEqual([`current  ${current}`, `newest   ${newest}`])
  })
})

describe('update apply', () => {
  const archives = (): FakeArchives => makeArchives(['1.0.0', '1.1.0', '1.2.0'])

  test('unpacks the newest version beside the current one, and lets its `service install` go on', async () => {
    const newest = archives()
    const machine = installedMachine(newest)
    expect(await apply(machine, await serve(newest))).toEqual([
      '/opt/rca-agent/versions/1.2.0/bin/rca-agent',
      ...['service', 'install', '--prefix', '/opt/rca-agent', '--wait', '15'],
    ])
    expect(machine.read('/opt/rca-agent/versions/1.2.0/VERSION')).toBe('1.2.0\n')
    expect(machine.read('/opt/rca-agent/versions/1.2.0/.sha256')).toMatch(/^[0-9a-f]{64}\n$/)
    expect(machine.calls.at(-1)).toMatch(/\.partial\.\d+\/rca-agent-1\.2\.0-[^/]+\/bin\/rca-agent --version$/)
    expect(leftovers(machine)).toEqual(['current', 'rca-agent.pub', 'versions'])
  })

  test('keeps an installation without a service', async () => {
    const newest = archives()
    const machine = installedMachine(newest)
    execFileSync('rm', [machine.path('/etc/init.d/rca-agent')])
    expect((await apply(machine, await serve(newest)))?.at(-1)).toBe('--no-service')
  })

  test('never installs an older version, unless it is named', async () => {
    const older = makeArchives(['1.0.0'])
    const machine = installedMachine(older)
    const platform = await serve(older)
    expect(await apply(machine, platform)).toBeUndefined()
    expect(machine.printed).toEqual(['unchanged: rca-agent 1.1.0, and the platform has 1.0.0'])
    expect((await apply(machine, platform, { version: '1.0.0' }))?.[0]).toContain('/versions/1.0.0/')
  })

  test('keeps other bytes with the same version apart, and the same bytes as they are', async () => {
    const newest = archives()
    const machine = installedMachine(newest)
    const platform = await serve(newest)
    const [program = ''] = (await apply(machine, platform, { version: '1.1.0' })) ?? []
    expect(program).toMatch(/\/versions\/1\.1\.0-[0-9a-f]{8}\/bin\/rca-agent$/)
    execFileSync('ln', ['-sfn', `versions/${program.split('/')[4]}`, machine.path(layout.current)])
    expect(await apply(machine, platform, { version: '1.1.0' })).toBeUndefined()
    expect(machine.printed.at(-1)).toBe('unchanged: rca-agent 1.1.0')
  })

  test('is unattended only where that is on, and while the service runs', async () => {
    const newest = archives()
    const machine = installedMachine(newest)
    const platform = await serve(newest)
    expect(await apply(machine, platform, { isUnattended: true })).toBeUndefined()
    machine.write(layout.environmentFile, 'AUTO_UPDATE="on"\n')
    expect(await apply(machine, platform, { isUnattended: true, isRunning: false })).toBeUndefined()
    expect(machine.printed).toEqual([
      'Nothing was done: AUTO_UPDATE is not `on`',
      'Nothing was done: the service does not run',
    ])
    expect((await apply(machine, platform, { isUnattended: true }))?.[0]).toContain('/versions/1.2.0/')
  })

  test('says that an unattended update will replace an older version', async () => {
    const newest = archives()
    const machine = installedMachine(newest)
    machine.write(layout.environmentFile, 'AUTO_UPDATE="on"\n')
    await apply(machine, await serve(newest), { version: '1.0.0' })
    expect(machine.printed).toContain('AUTO_UPDATE is on: the next unattended update installs 1.2.0')
  })

  realTest('unpacks an archive of the format for macOS', hasXz, async () => {
    const newest = makeArchives(['1.0.0', '1.1.0', '1.2.0'], { format: 'xz' })
    const machine = installedMachine(newest)
    const platform = await serve(newest)
    expect((await apply(machine, platform))?.[0]).toBe('/opt/rca-agent/versions/1.2.0/bin/rca-agent')
    const older = await apply(machine, platform, { version: '1.0.0' })
    expect(older?.[0]).toBe('/opt/rca-agent/versions/1.0.0/bin/rca-agent')
  })

  test('removes what an update that was killed has left', async () => {
    const newest = archives()
    const machine = installedMachine(newest)
    mkdirSync(machine.path('/opt/rca-agent/.partial.1'))
    await apply(machine, await serve(newest))
    expect(leftovers(machine)).not.toContain('.partial.1')
  })

  const { privateKey: otherKey } = generateKeyPairSync('ed25519')
  const isArchive = (name: string): boolean => name.endsWith('.tar.gz')

  test.each<[string, string, RegExp, Parameters<typeof serve>[1]]>([
    [
      'an archive with another byte',
      'wrongChecksum',
      /the checksum of rca-agent-1\.2\.0-.* is wrong/,
      (name, bytes) => (isArchive(name) ? Buffer.concat([bytes.subarray(1), Buffer.from('x')]) : bytes),
    ],
    [
      'an archive that was cut',
      'wrongChecksum',
      /the download of .*rca-agent-1\.2\.0.* was cut/,
      (name, bytes) => (isArchive(name) ? undefined : bytes),
    ],
    [
      'a list of checksums that was changed',
      'wrongSignature',
      /SHA256SUMS is wrong: it does not match. Nothing was changed/,
      (name, bytes) => (name === 'SHA256SUMS' ? Buffer.from(bytes.toString().replaceAll('1.2.0', '1.3.0')) : bytes),
    ],
    [
      'a release.json that the list does not have',
      'wrongChecksum',
      /the checksum of release\.json is wrong/,
      (name, bytes) => (name === 'release.json' ? Buffer.from(bytes.toString().replaceAll('1.2.0', '1.3.0')) : bytes),
    ],
  ])('refuses %s, and changes nothing', async (_what, failure, message, change) => {
    const newest = archives()
    const machine = installedMachine(newest)
    const update = apply(machine, await serve(newest, change))
    await expect(update).rejects.toMatchObject({ failure, message: expect.stringMatching(message) })
    expect(leftovers(machine)).toEqual(['current', 'rca-agent.pub', 'versions'])
    expect(readdirSync(machine.path(layout.versions))).toEqual(['1.1.0'])
  })

  test('refuses archives that were signed with another key', async () => {
    const machine = installedMachine(archives())
    const forged = makeArchives(['9.0.0'], { key: otherKey })
    await expect(apply(machine, await serve(forged))).rejects.toMatchObject({ failure: 'wrongSignature' })
  })

  test.each([
    ['the platform has no archives', 'notOnPlatform', {}],
    ['the version does not exist', 'notOnPlatform', { version: '7.0.0' }],
  ])('fails when %s', async (_what, failure, options) => {
    const newest = archives()
    const machine = installedMachine(newest)
    if (!('version' in options)) newest.files.clear()
    await expect(apply(machine, await serve(newest), options)).rejects.toMatchObject({ failure })
  })

  test('fails when the platform cannot be reached, with or without a proxy', async () => {
    const machine = installedMachine(archives())
    const url = 'http://127.0.0.1:9'
    await expect(apply(machine, { url, hasProxy: false })).rejects.toMatchObject({ failure: 'downloadFailed' })
    await expect(apply(machine, { url, hasProxy: true })).rejects.toMatchObject({ failure: 'proxyRefused' })
  })

  test('does not switch to a version that cannot start', async () => {
    const newest = archives()
    const machine = installedMachine(newest)
    const { run } = machine
    const broken: FakeMachine = {
      ...machine,
      run: async (program, ...words) =>
        words[0] === '--version' ? { status: 127, output: 'GLIBC_2.28 not found' } : run(program, ...words),
    }
    const update = apply(broken, await serve(newest))
    await expect(update).rejects.toMatchObject({
      failure: 'unsupportedLibrary',
      message: expect.stringContaining('GLIBC_2.28 not found. The current version runs as before'),
    })
    expect(readdirSync(machine.path(layout.versions))).toEqual(['1.1.0'])
  })

  test('needs an installation and its public key', async () => {
    const newest = archives()
    const platform = await serve(newest)
    await expect(apply(fakeMachine(), platform)).rejects.toMatchObject({ failure: 'usage' })
    const machine = installedMachine(newest)
    execFileSync('rm', [machine.path(layout.publicKey)])
    await expect(apply(machine, platform)).rejects.toMatchObject({ failure: 'wrongSignature' })
    machine.write(layout.publicKey, 'ssh-ed25519 AAAA\n')
    await expect(apply(machine, platform)).rejects.toMatchObject({
      failure: 'wrongSignature',
      message: expect.stringContaining(`${layout.publicKey}, cannot be used: must be a minisign public key`),
    })
  })

  test('reads a public key without its comment', async () => {
    const newest = archives()
    const machine = installedMachine(newest)
    machine.write(layout.publicKey, newest.publicKey.split('\n')[1] ?? '')
    const target = { ...targetOf(machine, await serve(newest)), signal: new AbortController().signal }
    expect(await checkForUpdate(target)).toBe(true)
  })

  test('stops when a person interrupts it', async () => {
    const newest = archives()
    const machine = installedMachine(newest)
    const signal = AbortSignal.abort(new Error('interrupted by SIGINT'))
    await expect(apply(machine, await serve(newest), { signal })).rejects.toThrow('interrupted by SIGINT')
    expect(leftovers(machine)).toEqual(['current', 'rca-agent.pub', 'versions'])
  })
})

function leftovers(machine: FakeMachine): string[] {
  return existsSync(machine.path(layout.prefix)) ? readdirSync(machine.path(layout.prefix)).toSorted() : []
}
