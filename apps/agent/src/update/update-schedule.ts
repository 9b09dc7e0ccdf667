import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { changeFile, removeFile } from '../service/file-changes.ts'
import { type Layout, SERVICE_NAME } from '../service/layout.ts'
import type { Machine } from '../service/machine.ts'
import { runManager } from '../service/run-manager.ts'
import { ServiceError } from '../service/service-error.ts'
import type { ServiceFile } from '../service/service-manager.ts'
import type { Transaction } from '../service/transaction.ts'

/** Time of the day in which updates start, in minutes since midnight of the machine. */
export interface UpdateWindow {
  readonly startMinute: number
  readonly minutes: number
}

const TIMER = `${SERVICE_NAME}-update.timer`
const TIMER_FILE = `/etc/systemd/system/${TIMER}`
const UNIT_FILE = `/etc/systemd/system/${SERVICE_NAME}-update.service`
const CRON_FILE = `/etc/cron.d/${SERVICE_NAME}-update`

/** Files that start unattended updates. At most those of one kind exist. */
export const SCHEDULE_FILES: readonly string[] = [TIMER_FILE, UNIT_FILE, CRON_FILE]

const DEFAULT_WINDOW = '02:00-04:00'
const DAY_MINUTES = 24 * 60

/**
 * Reads `AUTO_UPDATE` and `AUTO_UPDATE_WINDOW`. Returns the window in which the agent updates itself, or `undefined`
 * when it does not.
 *
 * @throws {ServiceError}
 */
export function readUpdateWindow(variables: Readonly<Record<string, string | undefined>>): UpdateWindow | undefined {
  const { AUTO_UPDATE: mode = 'off', AUTO_UPDATE_WINDOW: text = DEFAULT_WINDOW } = variables
  if (mode !== 'on' && mode !== 'off')
    throw new ServiceError('usage', `auto_update is \`${mode}\`. Set it to \`on\` or \`off\``)
  const [start, end] = text.split('-').map(readMinute)
  if (start === undefined || end === undefined || start === end || text.split('-').length > 2)
    throw new ServiceError(
      'usage',
      `auto_update_window is \`${text}\`. Set it to two different times of the day, such as \`${DEFAULT_WINDOW}\``,
    )
  return mode === 'off' ? undefined : { startMinute: start, minutes: (end - start + DAY_MINUTES) % DAY_MINUTES }
}

/**
 * Makes the machine start `rca-agent update apply --unattended` once a day in a window, as root; removes that without a
 * window. The agent itself has no right to change its programs.
 *
 * @throws {ServiceError} when the machine has neither systemd nor cron
 */
export async function changeSchedule(
  transaction: Transaction,
  machine: Machine,
  layout: Layout,
  window: UpdateWindow | undefined,
): Promise<void> {
  const files = window === undefined ? [] : renderSchedule(machine, layout, window)
  const hasTimer = existsSync(machine.path(TIMER_FILE))
  if (hasTimer && files.length === 0) await stopTimer(transaction, machine)
  const results: boolean[] = []
  for (const path of SCHEDULE_FILES) {
    const file = files.find((one) => one.path === path)
    results.push(
      file === undefined ? await removeFile(transaction, machine, path) : await changeFile(transaction, machine, file),
    )
  }
  if (results.includes(true) && isSystemd(machine)) await reloadTimers(transaction, machine, files.length > 0)
}

/** Stops the timer, if it exists, before its files are removed. */
export async function stopTimer(transaction: Transaction, machine: Machine): Promise<void> {
  if (!existsSync(machine.path(TIMER_FILE))) return
  await transaction.change(
    'stop unattended updates',
    () => runManager(machine, 'systemctl', 'disable', '--now', '--quiet', TIMER),
    () => runManager(machine, 'systemctl', 'enable', '--now', '--quiet', TIMER),
  )
}

async function reloadTimers(transaction: Transaction, machine: Machine, isOn: boolean): Promise<void> {
  const reload = (): Promise<void> => runManager(machine, 'systemctl', 'daemon-reload')
  await transaction.change(
    isOn ? 'start unattended updates' : 'read the units without the timer of updates',
    async () => {
      await reload()
      if (!isOn) return
      await runManager(machine, 'systemctl', 'enable', '--quiet', TIMER)
      await runManager(machine, 'systemctl', 'restart', TIMER)
    },
    async () => {
      if (isOn) await runManager(machine, 'systemctl', 'disable', '--now', '--quiet', TIMER)
      await reload()
    },
  )
}

function renderSchedule(machine: Machine, layout: Layout, window: UpdateWindow): ServiceFile[] {
  if (isSystemd(machine))
    return [
      { path: TIMER_FILE, mode: 0o644, text: renderTimer(window) },
      { path: UNIT_FILE, mode: 0o644, text: renderUnit(layout) },
    ]
  if (existsSync(machine.path('/etc/cron.d')))
    return [{ path: CRON_FILE, mode: 0o644, text: renderCron(machine, layout, window) }]
  throw new ServiceError(
    'missingTool',
    'auto_update is `on`, but this machine has neither systemd nor /etc/cron.d. Install cron, or let another scheduler run `rca-agent update apply` as root',
  )
}

function isSystemd(machine: Machine): boolean {
  return existsSync(machine.path('/run/systemd/system')) && machine.has('systemctl')
}

function renderTimer({ startMinute, minutes }: UpdateWindow): string {
  return `# Written by \`rca-agent service install\`, which replaces it.
[Unit]
Description=Daily update of the root-cause analysis (RCA) agent

[Timer]
OnCalendar=*-*-* ${clock(startMinute)}:00
# The whole window: machines that share it do not update at the same time.
RandomizedDelaySec=${minutes}min
AccuracySec=1s
# A machine that was off in the window waits for the next one.
Persistent=no

[Install]
WantedBy=timers.target
`
}

/** The update writes its programs, and lets the service manager restart the agent: it runs as root, unconfined. */
function renderUnit({ program, prefix }: Layout): string {
  return `# Written by \`rca-agent service install\`, which replaces it.
[Unit]
Description=Update of the root-cause analysis (RCA) agent
After=network-online.target nss-lookup.target
Wants=network-online.target

[Service]
Type=oneshot
ExecStart=${program} update apply --unattended --prefix ${prefix}
UMask=0022
TimeoutStartSec=30min
`
}

/** cron has no jitter: the minute in the window is derived from the id of the machine, and stays the same. */
function renderCron(machine: Machine, { program, prefix }: Layout, { startMinute, minutes }: UpdateWindow): string {
  const offset = createHash('sha256').update(machineId(machine)).digest().readUInt32BE() % minutes
  const [hour, minute] = clock((startMinute + offset) % DAY_MINUTES)
    .split(':')
    .map(Number)
  return `# Written by \`rca-agent service install\`, which replaces it.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
${minute} ${hour} * * * root ${program} update apply --unattended --prefix ${prefix} 2>&1 | logger -t ${SERVICE_NAME}-update
`
}

function machineId(machine: Machine): string {
  try {
    return readFileSync(machine.path('/etc/machine-id'), 'utf8')
  } catch {
    return hostname()
  }
}

/** Reads a time of the day, such as `02:30`, in minutes. */
function readMinute(text: string): number | undefined {
  const [, hours, minutes] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text) ?? []
  return hours === undefined ? undefined : Number(hours) * 60 + Number(minutes)
}

function clock(minute: number): string {
  const pad = (value: number): string => String(value).padStart(2, '0')
  return `${pad(Math.floor(minute / 60))}:${pad(minute % 60)}`
}
