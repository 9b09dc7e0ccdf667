import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type FakeMachine, fakeMachine, fakeManager, placeArchive } from '../../test/fake-machine.ts'
import { type Installation, install } from '../service/install.ts'
import { createLayout } from '../service/layout.ts'
import { uninstall } from '../service/uninstall.ts'
import { readUpdateWindow, SCHEDULE_FILES } from './update-schedule.ts'

const layout = createLayout('linux')
const [timer = '', unit = '', cron = ''] = SCHEDULE_FILES

function run(machine: FakeMachine, environment: string | undefined, options: Partial<Installation> = {}) {
  return install({
    machine,
    layout,
    release: placeArchive(machine, '1.0.0'),
    manager: fakeManager(machine),
    configuration:
      environment === undefined
        ? undefined
        : { environment, certificates: undefined, platformUrl: 'https://api.example.com' },
    publicKey: undefined,
    waitMs: 15_000,
    isDryRun: false,
    signal: new AbortController().signal,
    ...options,
  })
}

function machineWith(...folders: string[]): FakeMachine {
  const machine = fakeMachine()
  for (const folder of folders) machine.write(`${folder}/.keep`, '')
  machine.write('/etc/machine-id', '3f0d4b6c7a5e4c1d9f8e7d6c5b4a3928\n')
  return machine
}

const timerCalls = ({ calls }: FakeMachine): string[] =>
  calls.filter((call) => call.includes('rca-agent-update') || call === 'systemctl daemon-reload')

describe('readUpdateWindow', () => {
  test.each([
    [{}, undefined],
    [{ AUTO_UPDATE: 'off', AUTO_UPDATE_WINDOW: '01:00-02:00' }, undefined],
    [{ AUTO_UPDATE: 'on' }, { startMinute: 120, minutes: 120 }],
    [
      { AUTO_UPDATE: 'on', AUTO_UPDATE_WINDOW: '23:30-00:15' },
      { startMinute: 1410, minutes: 45 },
    ],
  ])('reads %j', (variables, window) => {
    expect(readUpdateWindow(variables)).toEqual(window)
  })

  test.each([
    [{ AUTO_UPDATE: 'yes' }, 'auto_update is `yes`. Set it to `on` or `off`'],
    ...['2-4', '02:00', '25:00-26:00', '02:00-02:00', '02:00-04:00-05:00'].map(
      (text) => [{ AUTO_UPDATE_WINDOW: text }, `auto_update_window is \`${text}\`.`] as const,
    ),
  ] as const)('refuses %j', (variables, message) => {
    expect(() => readUpdateWindow(variables)).toThrow(message)
  })
})

describe('unattended updates', () => {
  test('are off unless the configuration turns them on', async () => {
    const machine = machineWith('/run/systemd/system', '/etc/cron.d')
    await run(machine, 'AGENT_TOKEN="secret"\n')
    expect(SCHEDULE_FILES.filter((path) => existsSync(machine.path(path)))).toEqual([])
  })

  test('are started by a timer of systemd, somewhere in the window', async () => {
    const machine = machineWith('/run/systemd/system', '/etc/cron.d')
    await run(machine, 'AUTO_UPDATE="on"\nAUTO_UPDATE_WINDOW="03:30-05:00"\n')
    expect(machine.read(timer)).toMatch(/^OnCalendar=\*-\*-\* 03:30:00$.*^RandomizedDelaySec=90min$/ms)
    expect(machine.read(unit)).toContain(
      'ExecStart=/opt/rca-agent/current/bin/rca-agent update apply --unattended --prefix /opt/rca-agent\n',
    )
    expect(existsSync(machine.path(cron))).toBe(false)
    expect(timerCalls(machine)).toEqual([
      'systemctl daemon-reload',
      'systemctl enable --quiet rca-agent-update.timer',
      'systemctl restart rca-agent-update.timer',
    ])
  })

  test('are started by cron where systemd does not run, at a time of this machine', async () => {
    const machine = machineWith('/etc/cron.d')
    await run(machine, 'AUTO_UPDATE="on"\nAUTO_UPDATE_WINDOW="23:30-00:30"\n')
    expect(machine.read(cron)).toMatch(
      /^(?:3\d|4\d|5\d) 23 \* \* \* root \/opt\S+ update apply --unattended .*$|^[12]?\d 0 \* \* \* root \/opt\S+ /m,
    )
    expect(timerCalls(machine)).toEqual([])
  })

  test('stay as they are when an update keeps the configuration', async () => {
    const machine = machineWith('/run/systemd/system')
    await run(machine, 'AUTO_UPDATE="on"\n')
    machine.calls.length = 0
    await run(machine, undefined, { release: placeArchive(machine, '1.1.0') })
    expect(existsSync(machine.path(timer))).toBe(true)
    expect(timerCalls(machine)).toEqual([])
  })

  test('are turned off with the configuration', async () => {
    const machine = machineWith('/run/systemd/system')
    await run(machine, 'AUTO_UPDATE="on"\n')
    machine.calls.length = 0
    await run(machine, 'AUTO_UPDATE="off"\n')
    expect(SCHEDULE_FILES.filter((path) => existsSync(machine.path(path)))).toEqual([])
    expect(timerCalls(machine)).toEqual([
      'systemctl disable --now --quiet rca-agent-update.timer',
      'systemctl daemon-reload',
    ])
  })

  test('are as before after a rollback', async () => {
    const machine = machineWith('/run/systemd/system')
    await run(machine, 'AUTO_UPDATE="on"\nAUTO_UPDATE_WINDOW="03:30-05:00"\n')
    const before = machine.read(timer)
    const manager = fakeManager(machine, () => undefined)
    await expect(
      run(machine, 'AUTO_UPDATE="off"\n', { manager, release: placeArchive(machine, '2.0.0') }),
    ).rejects.toMatchObject({ failure: 'noHeartbeat' })
    expect(machine.read(timer)).toBe(before)
    expect(timerCalls(machine).at(-1)).toBe('systemctl enable --now --quiet rca-agent-update.timer')
  })

  test('need systemd or cron', async () => {
    const first = run(machineWith(), 'AUTO_UPDATE="on"\n')
    await expect(first).rejects.toMatchObject({
      failure: 'missingTool',
      message: expect.stringMatching(/neither systemd nor \/etc\/cron\.d\..*Nothing was installed/),
    })
  })

  test('need a service', async () => {
    const machine = machineWith('/etc/cron.d')
    for (const manager of [undefined, { ...fakeManager(machine), files: [] }])
      await expect(run(machine, 'AUTO_UPDATE="on"\n', { manager })).rejects.toMatchObject({ failure: 'usage' })
  })

  test('are removed by uninstall', async () => {
    for (const folder of ['/run/systemd/system', '/etc/cron.d']) {
      const machine = machineWith(folder)
      const manager = fakeManager(machine)
      await run(machine, 'AUTO_UPDATE="on"\n', { manager })
      machine.calls.length = 0
      await uninstall({ machine, layout, manager, isDryRun: false })
      expect(SCHEDULE_FILES.filter((path) => existsSync(machine.path(path)))).toEqual([])
      expect(timerCalls(machine)).toEqual(
        folder === '/etc/cron.d' ? [] : ['systemctl disable --now --quiet rca-agent-update.timer'],
      )
    }
  })
})
