import { existsSync, readFileSync } from 'node:fs'
import { SERVICE_NAME } from './layout.ts'
import type { Machine } from './machine.ts'
import { ServiceError } from './service-error.ts'

/** Ids of the user and the group that the agent runs as. */
export interface ServiceUser {
  readonly user: number
  readonly group: number
}

/** Finds the agent's user, `undefined` if it does not exist. */
export async function findServiceUser(machine: Machine): Promise<ServiceUser | undefined> {
  const [user, group] = await Promise.all([
    machine.run('id', '-u', SERVICE_NAME),
    machine.run('id', '-g', SERVICE_NAME),
  ])
  return user.status === 0 && group.status === 0
    ? { user: Number(user.output), group: Number(group.output) }
    : undefined
}

/** Creates the agent's user and group, which cannot log in. @throws {ServiceError} */
export async function createServiceUser(machine: Machine, home: string): Promise<void> {
  const shell =
    ['/usr/sbin/nologin', '/sbin/nologin'].find((file) => existsSync(machine.path(file))) ?? '/usr/bin/false'
  if (machine.platform === 'darwin') {
    await createMacUser(machine, home)
  } else if (machine.has('useradd')) {
    const words = ['--system', '--user-group', '--no-create-home', '--home-dir', home, '--shell', shell, SERVICE_NAME]
    await runOrFail(machine, 'useradd', ...words)
  } else if (machine.has('adduser')) {
    // busybox
    await runOrFail(machine, 'addgroup', '-S', SERVICE_NAME)
    await runOrFail(machine, 'adduser', '-S', '-D', '-H', '-h', home, '-s', shell, '-G', SERVICE_NAME, SERVICE_NAME)
  } else {
    throw new ServiceError(
      'missingTool',
      `the user ${SERVICE_NAME} cannot be created: useradd and adduser are missing. Install one of them, and run the command again`,
    )
  }
}

/** Removes the agent's user and group, if they exist. @throws {ServiceError} */
export async function removeServiceUser(machine: Machine): Promise<void> {
  if (machine.platform === 'darwin') {
    await runOrFail(machine, 'dscl', '.', '-delete', `/Users/${SERVICE_NAME}`)
    await runOrFail(machine, 'dscl', '.', '-delete', `/Groups/${SERVICE_NAME}`)
    return
  }
  if ((await findServiceUser(machine)) !== undefined)
    await runOrFail(machine, machine.has('userdel') ? 'userdel' : 'deluser', SERVICE_NAME)
  // userdel removes the group of the same name, unless the system is configured otherwise.
  if (new RegExp(`^${SERVICE_NAME}:`, 'm').test(readFileSync(machine.path('/etc/group'), 'utf8')))
    await runOrFail(machine, machine.has('groupdel') ? 'groupdel' : 'delgroup', SERVICE_NAME)
}

/** Range of the ids of hidden users on macOS. */
const MIN_MAC_ID = 300
const MAX_MAC_ID = 499

async function createMacUser(machine: Machine, home: string): Promise<void> {
  const lists = await Promise.all([
    machine.run('dscl', '.', '-list', '/Users', 'UniqueID'),
    machine.run('dscl', '.', '-list', '/Groups', 'PrimaryGroupID'),
  ])
  const taken = new Set(lists.flatMap(({ output }) => [...output.matchAll(/\s(\d+)$/gm)].map(([, id]) => Number(id))))
  let id = MIN_MAC_ID
  while (taken.has(id)) id += 1
  if (id > MAX_MAC_ID) throw new ServiceError('unexpected', 'macOS has no free id for a hidden user')
  const group = `/Groups/${SERVICE_NAME}`
  const user = `/Users/${SERVICE_NAME}`
  const properties = [
    [group],
    [group, 'PrimaryGroupID', String(id)],
    [user],
    [user, 'UniqueID', String(id)],
    [user, 'PrimaryGroupID', String(id)],
    [user, 'UserShell', '/usr/bin/false'],
    [user, 'NFSHomeDirectory', home],
    [user, 'IsHidden', '1'],
  ]
  for (const words of properties) await runOrFail(machine, 'dscl', '.', '-create', ...words)
}

async function runOrFail(machine: Machine, program: string, ...words: readonly string[]): Promise<void> {
  const { status, output } = await machine.run(program, ...words)
  if (status === 0) return
  if (status === 127)
    throw new ServiceError(
      'missingTool',
      `the program \`${program}\` is missing. Install it, and run the command again`,
    )
  throw new ServiceError('unexpected', `\`${program}\` failed: ${output}`)
}
