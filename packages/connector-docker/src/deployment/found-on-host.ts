import { type Command, command } from '@rca/core/connector'
import { DEFAULT_SOCKET, type HostPath } from './agent-container.ts'

/*
 * Commands that find paths and groups on the host when the deployment command is pasted. Each writes one line. The
 * `stat` of macOS has no `-c` and finds nothing; the engine there runs in a virtual machine with the default paths.
 */

const socketOfShell = command.raw`"\${DOCKER_HOST#unix://}"`

/** Writes a path: the socket of the shell's `DOCKER_HOST` or the default; `/dev/null` stands for a missing file. */
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
