import { existsSync } from 'node:fs'
import { type Layout, SERVICE_NAME } from './layout.ts'
import type { Machine } from './machine.ts'
import { ServiceError } from './service-error.ts'
import type { ServiceFile } from './service-manager.ts'

/** Runs a program of a service manager. @throws {ServiceError} if it fails */
export async function runManager(machine: Machine, program: string, ...words: readonly string[]): Promise<void> {
  const { status, output } = await machine.run(program, ...words)
  if (status !== 0)
    throw new ServiceError('serviceManagerFailed', `\`${[program, ...words].join(' ')}\` failed: ${output}`)
}

/** Returns the last lines of a log file. */
export async function readLog(machine: Machine, path: string): Promise<string> {
  return (await machine.run('tail', '-n', '10', machine.path(path))).output
}

/** Returns the file that keeps a log file small, where logrotate(8) is installed. */
export function logRotation(machine: Machine, { log }: Layout): ServiceFile[] {
  if (!existsSync(machine.path('/etc/logrotate.d'))) return []
  const text = `${log} {\n  weekly\n  rotate 4\n  maxsize 10M\n  compress\n  missingok\n  notifempty\n  copytruncate\n}\n`
  return [{ path: `/etc/logrotate.d/${SERVICE_NAME}`, mode: 0o644, text }]
}
