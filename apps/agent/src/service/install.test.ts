import { existsSync, readdirSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type FakeMachine, fakeMachine, fakeManager, placeArchive } from '../../test/fake-machine.ts'
import { type Installation, install } from './install.ts'
import { createLayout } from './layout.ts'
import { uninstall } from './uninstall.ts'

const layout = createLayout('linux')

function configuration(environment = 'AGENT_TOKEN="secret"\n', certificates?: string) {
  return { environment, certificates, platformUrl: 'https://api.example.com' }
}

function run(machine: FakeMachine, options: Partial<Installation> = {}): Promise<void> {
  return install({
    machine,
    layout,
    release: placeArchive(machine, '1.0.0'),
    manager: fakeManager(machine),
    configuration: configuration(),
    publicKey: 'untrusted comment: a key\nRWkey',
    waitMs: 15_000,
    isDryRun: false,
    signal: new AbortController().signal,
    ...options,
  })
}

/** Every path below the machine's root, with the targets of links. */
function tree({ root }: FakeMachine): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .map((entry) => {
      const path = join(entry.parentPath, entry.name)
      return path.slice(root.length) + (entry.isSymbolicLink() ? ` -> ${readlinkSync(path)}` : '')
    })
    .toSorted()
}

describe('service install', () => {
  test('creates user, folders, configuration and service, and waits for a heartbeat', async () => {
    const machine = fakeMachine()
    machine.write('/usr/local/bin/other', '')
    const manager = fakeManager(machine)
    await run(machine, { manager })
    expect(manager.log).toEqual(['enable', 'start'])
    expect(machine.read(layout.environmentFile)).toBe('AGENT_TOKEN="secret"\n')
    expect(statSync(machine.path(layout.environmentFile)).mode & 0o777).toBe(0o600)
    expect(statSync(machine.path(layout.state)).mode & 0o777).toBe(0o700)
    expect(machine.calls).toContain(`chown 999:999 ${layout.state}`)
    expect(readlinkSync(machine.path(layout.current))).toBe('versions/1.0.0')
    expect(readlinkSync(machine.path(layout.link))).toBe(layout.program)
    expect(machine.read(layout.publicKey)).toBe('untrusted comment: public key of the platform\nRWkey\n')
    expect(machine.printed.join('\n')).toMatch(/1\.0\.0 installed and started.*accepted a heartbeat at 2026-01-01T/s)
  })

  test('is unchanged when it runs again', async () => {
    const machine = fakeMachine()
    const manager = fakeManager(machine)
    await run(machine, { manager })
    const before = tree(machine)
    manager.log.length = 0
    await run(machine, { manager })
    expect(manager.log).toEqual(['enable'])
    expect(machine.printed.join('\n')).toContain('rca-agent 1.0.0 unchanged: it runs')
    expect(tree(machine)).toEqual(before)
  })

  test('starts a service that does not run, or whose heartbeats were not accepted', async () => {
    const machine = fakeMachine()
    const manager = fakeManager(machine)
    await run(machine, { manager })
    for (const health of [undefined, { pid: 1 }]) {
      machine.setHealth(health)
      manager.log.length = 0
      await run(machine, { manager })
      expect(manager.log).toEqual(['enable', 'start'])
    }
  })

  test('upgrades, and keeps only the previous version', async () => {
    const machine = fakeMachine()
    const manager = fakeManager(machine)
    for (const version of ['1.0.0', '1.1.0', '1.2.0'])
      await run(machine, { manager, release: placeArchive(machine, version), configuration: undefined }).catch(() =>
        run(machine, { manager, release: placeArchive(machine, version) }),
      )
    expect(readlinkSync(machine.path(layout.current))).toBe('versions/1.2.0')
    expect(readdirSync(machine.path(layout.versions)).toSorted()).toEqual(['1.1.0', '1.2.0'])
    expect(machine.read(layout.environmentFile)).toBe('AGENT_TOKEN="secret"\n')
  })

  test('rolls back to the previous version and configuration when no heartbeat is accepted', async () => {
    const machine = fakeMachine()
    await run(machine)
    const before = tree(machine)
    const healths = [undefined, { pid: 1 }]
    const manager = fakeManager(machine, () => healths.shift())
    manager.isStarted = true
    const upgrade = run(machine, {
      manager,
      release: placeArchive(machine, '2.0.0'),
      configuration: configuration('AGENT_TOKEN="other"\n', '-----BEGIN CERTIFICATE-----'),
    })
    await expect(upgrade).rejects.toMatchObject({
      failure: 'noHeartbeat',
      message: expect.stringMatching(/Version 1\.0\.0 runs as before\.\nLast lines of its log:\nthe last line/),
    })
    expect(manager.log).toEqual(['enable', 'start', 'stop', 'start'])
    expect(tree(machine)).toEqual(before)
    expect(machine.read(layout.environmentFile)).toBe('AGENT_TOKEN="secret"\n')
  })

  test('lets the agent enrol with another token, and restores its key when that is refused', async () => {
    const machine = fakeMachine()
    const key = `${layout.state}/server/key-8c5f2b0e`
    await run(machine)
    machine.write(key, 'a key')
    await run(machine)
    expect(machine.read(key)).toBe('a key')

    const manager = fakeManager(machine, () => ({ heartbeat: { refused_token: true } }))
    const other = { configuration: configuration('AGENT_TOKEN="other"\n') }
    await expect(run(machine, { manager, ...other })).rejects.toMatchObject({ failure: 'tokenRefused' })
    expect(machine.read(key)).toBe('a key')
    expect(machine.calls).toContain(`chown ${process.getuid?.()}:${process.getgid?.()} ${key}`)

    await run(machine, { isDryRun: true, ...other })
    expect(machine.printed).toContain(`would remove ${key}`)
    await run(machine, other)
    expect(existsSync(machine.path(key))).toBe(false)
  })

  test.each([
    ['the token is refused', () => ({ heartbeat: { refused_token: true } }), 'tokenRefused'],
    ['no heartbeat is accepted', () => undefined, 'noHeartbeat'],
  ])('leaves nothing of a first installation when %s', async (_what, onStart, failure) => {
    const machine = fakeMachine()
    machine.write('/usr/local/bin/other', '')
    machine.write('/var/lib/other', '')
    machine.write('/etc/init.d/other', '')
    const before = tree(machine)
    const manager = fakeManager(machine, onStart)
    const first = run(machine, { manager })
    await expect(first).rejects.toMatchObject({ failure, message: expect.stringContaining('Nothing was installed') })
    expect(manager.log).toEqual(['enable', 'start', 'stop', 'disable', 'reload'])
    expect(machine.calls).toContain('userdel rca-agent')
    const leftovers = ['/opt', '/opt/rca-agent', '/opt/rca-agent/versions']
    expect(tree(machine).filter((path) => !leftovers.includes(path))).toEqual(before)
  })

  test('undoes everything when a person interrupts it', async () => {
    const machine = fakeMachine()
    const interruption = new AbortController()
    machine.programs.set('useradd', () => {
      interruption.abort(new Error('interrupted by SIGINT'))
      return {}
    })
    await expect(run(machine, { signal: interruption.signal })).rejects.toThrow(
      'interrupted by SIGINT. Nothing was installed',
    )
    expect(existsSync(machine.path(layout.state))).toBe(false)
  })

  test('a dry run prints every step and changes nothing', async () => {
    const machine = fakeMachine()
    const release = placeArchive(machine, '1.0.0')
    const before = tree(machine)
    const manager = fakeManager(machine)
    await run(machine, { manager, release, isDryRun: true })
    expect(tree(machine)).toEqual(before)
    expect(manager.log).toEqual([])
    expect(machine.printed).toEqual([
      'would create the user and the group rca-agent',
      'would create /var/lib/rca-agent',
      'would create /etc/rca-agent',
      'would write /etc/rca-agent/agent.env',
      'would install version 1.0.0 in /opt/rca-agent/versions/1.0.0',
      'would make it the current version, instead of none',
      'would write /opt/rca-agent/rca-agent.pub',
      'would write /etc/init.d/rca-agent',
      'would start the service with the machine',
      'would link /usr/local/bin/rca-agent to /opt/rca-agent/current/bin/rca-agent',
      'would start the service, and wait for an accepted heartbeat',
      'Nothing was changed: this was a dry run',
    ])
  })

  test('without a service, prints the command that runs the agent', async () => {
    const machine = fakeMachine()
    await run(machine, { manager: undefined })
    expect(machine.printed.join('\n')).toContain('/opt/rca-agent/current/bin/rca-agent service run')
    expect(existsSync(machine.path('/etc/init.d/rca-agent'))).toBe(false)
  })

  test('needs a configuration at first', async () => {
    await expect(run(fakeMachine(), { configuration: undefined })).rejects.toMatchObject({ failure: 'usage' })
  })

  test('labels the files where SELinux is enforced', async () => {
    const machine = fakeMachine({ has: ['useradd', 'restorecon'] })
    machine.write('/sys/fs/selinux/enforce', '1')
    await run(machine)
    expect(machine.calls).toContain('restorecon -R /opt/rca-agent /etc/rca-agent /var/lib/rca-agent')
  })

  test('does not replace a program of the same name', async () => {
    const machine = fakeMachine()
    machine.write(layout.link, 'a program')
    await run(machine)
    expect(machine.read(layout.link)).toBe('a program')
    expect(machine.printed.join('\n')).toContain('/usr/local/bin/rca-agent exists')
  })
})

describe('service uninstall', () => {
  test('leaves nothing', async () => {
    const machine = fakeMachine()
    const manager = fakeManager(machine)
    await run(machine, { manager, configuration: configuration('A="b"\n', '-----BEGIN CERTIFICATE-----') })
    manager.log.length = 0
    await uninstall({ machine, layout, manager, isDryRun: false })
    expect(manager.log).toEqual(['stop', 'disable', 'reload'])
    expect(tree(machine).filter((path) => path.includes('rca-agent'))).toEqual(['/opt/rca-agent'])
    expect(machine.calls).toContain('userdel rca-agent')
  })

  test('a dry run prints every step and changes nothing', async () => {
    const machine = fakeMachine()
    const manager = fakeManager(machine)
    await run(machine, { manager })
    const before = tree(machine)
    await uninstall({ machine, layout, manager, isDryRun: true })
    expect(tree(machine)).toEqual(before)
    expect(machine.printed).toEqual(
      expect.arrayContaining([
        'would stop the service',
        'would remove /etc/rca-agent',
        'would remove /var/lib/rca-agent',
      ]),
    )
  })
})
