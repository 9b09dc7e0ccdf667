import { type Command, command } from '@rca/core/connector'
import { type AgentContainer, type HostMount, LIMITS, SECURITY, STATE_FOLDER } from './agent-container.ts'
import { findGroup, findPath } from './found-on-host.ts'

/** Returns the `docker run` command: the specification's flags, then mounts and groups, then restrictions. */
export function runCommand(container: AgentContainer): Command {
  const { name, image, environment, mounts, socket, stateVolume, network, extraHosts } = container
  return command(
    ...['docker', 'run', '-d', '--name', name],
    ...environment.map((variable) => ['-e', variable]),
    ['--restart', 'unless-stopped'],
    ...mounts.map((mount) => ['--mount', mountOption(mount)]),
    socket === undefined ? [] : ['--group-add', findGroup(socket.path).output()],
    ['-v', command.word(stateVolume, ':', STATE_FOLDER)],
    ['--memory', LIMITS.memory, '--cpus', LIMITS.cpus, '--pids-limit', LIMITS.pids],
    [
      '--read-only',
      '--tmpfs',
      '/tmp',
      '--cap-drop',
      'ALL',
      ...SECURITY.flatMap((option) => ['--security-opt', option]),
    ],
    network === undefined ? [] : ['--network', network],
    ...extraHosts.map((host) => ['--add-host', host]),
    [image],
  )
}

/** `--mount` fails if the source is missing; `-v` would create a directory. */
function mountOption({ source, target }: HostMount): ReturnType<typeof command.word> {
  const path = typeof source === 'string' ? source : findPath[source.found].output()
  return command.word('type=bind,source=', path, ',target=', target, ',readonly')
}
