import { describe, expect, test } from 'vitest'
import { type FakeMachine, fakeMachine } from '../../test/fake-machine.ts'
import { findServiceManager } from './find-service-manager.ts'
import { createLayout } from './layout.ts'
import type { ServiceManager } from './service-manager.ts'

const SYSTEMS: Readonly<Record<string, (machine: FakeMachine) => void>> = {
  systemd: (machine) => machine.write('/run/systemd/system/x', ''),
  OpenRC: (machine) => machine.write('/run/openrc/softlevel', 'default'),
  sysvinit: (machine) => {
    machine.write('/proc/1/comm', 'init\n')
    machine.write('/etc/inittab', '')
  },
}

function find(system: string, prefix?: string): { machine: FakeMachine; manager: ServiceManager } {
  const platform = system === 'launchd' ? 'darwin' : 'linux'
  const machine = fakeMachine({ platform, has: ['systemctl', 'rc-service', 'start-stop-daemon'] })
  SYSTEMS[system]?.(machine)
  return { machine, manager: findServiceManager(machine, createLayout(platform, prefix)) }
}

/** Commands of a whole life of a service. */
async function commandsOf(system: string): Promise<string[]> {
  const { machine, manager } = find(system)
  machine.programs.set('rc-service', (...words) => ({ status: words.includes('status') ? 3 : 0 }))
  await manager.enable()
  await manager.start()
  await manager.isRunning()
  await manager.stop()
  await manager.disable()
  await manager.reload()
  await manager.recentLog(1_800_000_000_123)
  return machine.calls.map((call) => call.replaceAll(machine.root, ''))
}

describe('service managers', () => {
  test.each(['systemd', 'OpenRC', 'sysvinit', 'launchd'])('finds %s', (system) => {
    const { manager } = find(system)
    expect(manager.name).toBe(system)
    expect(manager.runHere).toBeUndefined()
  })

  test('runs the agent in the foreground where none runs, although its tools are installed', () => {
    expect(find('none').manager.runHere).toBeDefined()
  })

  test('refuses a system without one that it knows', () => {
    const machine = fakeMachine({ platform: 'aix' })
    expect(() => findServiceManager(machine, createLayout('aix'))).toThrow('services of aix')
  })

  test.each(['systemd', 'OpenRC', 'sysvinit', 'launchd'])('runs the program of another prefix with %s', (system) => {
    const [file] = find(system, '/srv/agent/').manager.files
    expect(file?.text).toContain('/srv/agent/current/bin/rca-agent')
    expect(file?.text).not.toContain('/opt/rca-agent')
  })

  test('lets the agent read the journal, where a group may', () => {
    const isMember = (groups: string): boolean => {
      const { machine } = find('systemd')
      machine.write('/etc/group', groups)
      const [unit] = findServiceManager(machine, createLayout('linux')).files
      return unit?.text.includes('\nSupplementaryGroups=systemd-journal\n') === true
    }
    expect(isMember('root:x:0:\nsystemd-journal:x:999:\n')).toBe(true)
    expect(isMember('root:x:0:\n')).toBe(false)
  })

  test('runs the commands of systemd', async () => {
    expect(await commandsOf('systemd')).toEqual([
      'systemctl enable --quiet rca-agent.service',
      'systemctl daemon-reload',
      'systemctl reset-failed rca-agent.service',
      'systemctl restart rca-agent.service',
      'systemctl is-active --quiet rca-agent.service',
      'systemctl stop rca-agent.service',
      'systemctl disable --quiet rca-agent.service',
      'systemctl daemon-reload',
      'systemctl reset-failed rca-agent.service',
      'journalctl --unit rca-agent --since @1800000000 --lines 10 --no-pager --output cat',
    ])
  })

  test('runs the commands of OpenRC', async () => {
    expect(await commandsOf('OpenRC')).toEqual([
      'rc-update --quiet add rca-agent default',
      'rc-service --quiet rca-agent status',
      'rc-service rca-agent start',
      'rc-service --quiet rca-agent status',
      'rc-service --ifstarted rca-agent stop',
      'rc-update --quiet delete rca-agent default',
      'tail -n 10 /var/log/rca-agent.log',
    ])
  })

  test('runs the commands of sysvinit', async () => {
    expect(await commandsOf('sysvinit')).toEqual([
      'update-rc.d rca-agent defaults',
      '/etc/init.d/rca-agent restart',
      '/etc/init.d/rca-agent status',
      '/etc/init.d/rca-agent stop',
      'update-rc.d -f rca-agent remove',
      'tail -n 10 /var/log/rca-agent.log',
    ])
  })

  test('runs the commands of launchd', async () => {
    expect(await commandsOf('launchd')).toEqual([
      'launchctl enable system/rca-agent',
      'launchctl print system/rca-agent',
      'launchctl bootout system/rca-agent',
      'launchctl bootstrap system /Library/LaunchDaemons/rca-agent.plist',
      'launchctl print system/rca-agent',
      'launchctl print system/rca-agent',
      'launchctl bootout system/rca-agent',
      'tail -n 10 /Library/Logs/rca-agent.log',
    ])
  })

  test('rotates the log file where logrotate is installed', () => {
    const machine = fakeMachine({ has: ['rc-service'] })
    SYSTEMS.OpenRC?.(machine)
    machine.write('/etc/logrotate.d/x', '')
    const { files } = findServiceManager(machine, createLayout('linux'))
    expect(files.map(({ path }) => path)).toEqual(['/etc/init.d/rca-agent', '/etc/logrotate.d/rca-agent'])
  })

  test('reports the output of a command that failed', async () => {
    const { machine, manager } = find('systemd')
    machine.programs.set('systemctl', () => ({ status: 1, output: 'Access denied' }))
    await expect(manager.enable()).rejects.toMatchObject({
      failure: 'serviceManagerFailed',
      message: '`systemctl enable --quiet rca-agent.service` failed: Access denied',
    })
  })
})
