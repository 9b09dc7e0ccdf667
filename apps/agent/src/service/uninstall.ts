import { existsSync, rmSync } from 'node:fs'
import { SCHEDULE_FILES, stopTimer } from '../update/update-schedule.ts'
import { linkTarget, removeEmptyFolder } from './file-changes.ts'
import { type Layout, SERVICE_NAME } from './layout.ts'
import type { Machine } from './machine.ts'
import type { ServiceManager } from './service-manager.ts'
import { findServiceUser, removeServiceUser } from './service-user.ts'
import { startTransaction } from './transaction.ts'

/** Removes the service and everything that was installed, also after an installation that was killed. */
export async function uninstall(options: {
  readonly machine: Machine
  readonly layout: Layout
  readonly manager: ServiceManager
  readonly isDryRun: boolean
}): Promise<void> {
  const { machine, layout, manager, isDryRun } = options
  const exists = (path: string): boolean =>
    existsSync(machine.path(path)) || linkTarget(machine.path(path)) !== undefined
  const transaction = startTransaction({ isDryRun, print: machine.print, signal: new AbortController().signal })
  const remove = async (path: string): Promise<void> => {
    if (!exists(path)) return
    await transaction.change(`remove ${path}`, () => rmSync(machine.path(path), { recursive: true, force: true }))
  }
  await stopTimer(transaction, machine)
  for (const path of SCHEDULE_FILES) await remove(path)
  const files = manager.files.filter((file) => exists(file.path))
  if (files.length > 0 || (await manager.isRunning()))
    await transaction.change('stop the service', () => manager.stop())
  if (files.length > 0) {
    await transaction.change('not start it with the machine any more', () => manager.disable())
    for (const file of files) await remove(file.path)
    await transaction.change(`read it with ${manager.name}`, () => manager.reload())
  }
  if (linkTarget(machine.path(layout.link)) === layout.program) await remove(layout.link)
  for (const path of [layout.config, layout.state, layout.runtime, layout.log]) await remove(path)
  if ((await findServiceUser(machine)) !== undefined)
    await transaction.change(`remove the user and the group ${SERVICE_NAME}`, () => removeServiceUser(machine))
  for (const path of [layout.current, layout.publicKey, layout.versions]) await remove(path)
  if (isDryRun) return machine.print('Nothing was changed: this was a dry run')
  machine.print('rca-agent is uninstalled')
}

/** Removes what the lock of an installation kept: its folder, unless it holds something else. */
export function removePrefix(machine: Machine, layout: Layout): void {
  removeEmptyFolder(machine.path(layout.versions))
  removeEmptyFolder(machine.path(layout.prefix))
}
