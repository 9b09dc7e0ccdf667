import { existsSync, readFileSync } from 'node:fs'
import type { Layout } from './layout.ts'
import type { Machine } from './machine.ts'
import { createForeground } from './managers/foreground.ts'
import { createLaunchd } from './managers/launchd.ts'
import { createOpenrc } from './managers/openrc.ts'
import { createSystemd } from './managers/systemd.ts'
import { createSysv } from './managers/sysv.ts'
import { ServiceError } from './service-error.ts'
import type { ServiceManager } from './service-manager.ts'

/** Finds the service manager of a machine, or the one that runs the agent in the foreground. */
export function findServiceManager(machine: Machine, layout: Layout): ServiceManager {
  const exists = (path: string): boolean => existsSync(machine.path(path))
  if (machine.platform === 'darwin') return createLaunchd(machine, layout)
  if (machine.platform !== 'linux')
    throw new ServiceError('unsupportedSystem', `services of ${machine.platform} are not installed by this command`)
  // sd_booted(3)
  if (exists('/run/systemd/system') && machine.has('systemctl')) return createSystemd(machine, layout)
  if (exists('/run/openrc/softlevel') && machine.has('rc-service')) return createOpenrc(machine, layout)
  if (readProcessName(machine) === 'init' && exists('/etc/inittab') && machine.has('start-stop-daemon'))
    return createSysv(machine, layout)
  return createForeground(machine, layout)
}

/** Returns the name of process 1. */
function readProcessName(machine: Machine): string {
  try {
    return readFileSync(machine.path('/proc/1/comm'), 'utf8').trim()
  } catch {
    return ''
  }
}
