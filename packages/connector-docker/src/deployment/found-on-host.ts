import { type ShellCommand, sh } from '@rca/core/connector'
import type { HostPath } from './agent-container.ts'

/*
 * What only the host knows is found when the command is pasted there: each is a command that writes one line. A `stat` that
 * does not know `-c`, as that of macOS, finds nothing: there the engine, in its virtual machine, knows the usual paths.
 */

/** Writes a path. The socket is that of the shell's `DOCKER_HOST` where that names one; `/dev/null` stands for no file. */
export const findPath: Readonly<Record<HostPath, ShellCommand>> = {
  socket: sh`(stat -Lc %n "\${DOCKER_HOST#unix://}" || echo /var/run/docker.sock) 2>/dev/null`,
  'machine-id': sh`(stat -Lc %n /etc/machine-id || echo /dev/null) 2>/dev/null`,
}

/** Writes the group of a socket, 0 where it cannot be found. */
export function findGroup(path: string | undefined): ShellCommand {
  return path === undefined
    ? sh`(stat -Lc %g "\${DOCKER_HOST#unix://}" || stat -Lc %g /var/run/docker.sock || echo 0) 2>/dev/null`
    : sh`(stat -Lc %g ${path} || echo 0) 2>/dev/null`
}
