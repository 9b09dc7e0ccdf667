import { mkdirSync, readFileSync } from 'node:fs'
import { parseEnvironmentFile } from './environment-file.ts'
import { type Layout, SERVICE_NAME } from './layout.ts'
import type { Machine } from './machine.ts'
import { ServiceError } from './service-error.ts'
import { findServiceUser } from './service-user.ts'

/**
 * Becomes the installed agent: reads its environment, takes its user and replaces this process, so that a supervisor
 * such as OpenRC, runit or a container engine supervises the agent itself. Returns only by an error.
 *
 * @throws {ServiceError} when nothing is installed, or this process does not belong to root
 */
export async function runService(machine: Machine, layout: Layout): Promise<never> {
  if (!machine.isRoot) throw new ServiceError('notRoot', 'only root can run the service, which then takes its own user')
  const user = await findServiceUser(machine)
  let variables: Record<string, string>
  try {
    variables = parseEnvironmentFile(readFileSync(machine.path(layout.environmentFile), 'utf8'))
  } catch (error) {
    throw new ServiceError(
      'usage',
      `${(error as Error).message}. Install the agent first, with \`rca-agent service install\``,
    )
  }
  if (user === undefined)
    throw new ServiceError('usage', `there is no user ${SERVICE_NAME}. Run \`rca-agent service install\` again`)
  const runtime = machine.path(layout.runtime)
  mkdirSync(runtime, { recursive: true, mode: 0o750 })
  machine.setOwner(runtime, user.user, user.group)
  process.umask(0o077)
  process.chdir('/')
  process.setgroups?.([user.group])
  process.setgid?.(user.group)
  process.setuid?.(user.user)
  const { PATH = '/usr/sbin:/usr/bin:/sbin:/bin', LANG } = process.env
  const program = machine.path(layout.program)
  process.execve?.(program, [program, 'run'], { PATH, ...(LANG === undefined ? {} : { LANG }), ...variables })
  throw new ServiceError('unsupportedSystem', 'this system cannot replace a process with another program')
}
