import { type Command, command } from '@rca/core/connector'
import { DEFAULT_SOCKET, type HostPath } from './agent-container.ts'

/*
 * Commands that find what only the host knows, when the deployment command is pasted there. Each writes one line. A `stat`
 * without `-c`, as that of macOS, finds nothing: there the engine, in its virtual machine, knows the usual paths.
 */

const socketOfShell = command.raw`"\${DOCKER_HOST#unix://}"`

/** Write a path: of the socket that the shell's `DOCKER_HOST` names, or the usual one; `/dev/null` stands for no file. */
export const findPath: Readonly<Record<HostPath, Command>> = {
  socket: quiet(stat('%n', socketOfShell).or(command('echo', DEFAULT_SOCKET))),
  'machine-id': quiet(stat('%n', '/etc/machine-id').or(command('echo', '/dev/null'))),
}

/** Writes the group of a socket, or 0 if it cannot be found. */
export function findGroup(path: string | undefined): Command {
  const found = path === undefined ? stat('%g', socketOfShell).or(stat('%g', DEFAULT_SOCKET)) : stat('%g', path)
  return quiet(found.or(command('echo', 0)))
}

function stat(format: string, file: string | ReturnType<typeof command.raw>): Command {
  return command('stat', '-Lc', format, file)
}

function quiet(noisy: Command): Command {
  return noisy.redirect('2>', '/dev/null')
}
