import { continued, type ShellCommand, sh } from '@rca/core/connector'
import { type AgentContainer, type HostMount, LIMITS, SECURITY, STATE_FOLDER } from './agent-container.ts'
import { findGroup, findPath } from './found-on-host.ts'

/** The `docker run` command: what the specification names first, then what the container needs and what it must not do. */
export function runCommand(container: AgentContainer): ShellCommand {
  const { name, image, environment, mounts, socket, stateVolume, network, extraHosts } = container
  return continued([
    sh`docker run -d --name ${name}`,
    ...environment.map((variable) => sh`-e ${variable}`),
    sh`--restart unless-stopped`,
    ...mounts.map(mountFlag),
    ...(socket === undefined ? [] : [sh`--group-add "$( ${findGroup(socket.path)} )"`]),
    sh`-v ${stateVolume}:${STATE_FOLDER}`,
    sh`--memory ${LIMITS.memory} --cpus ${LIMITS.cpus} --pids-limit ${LIMITS.pids}`,
    sh`--read-only --tmpfs /tmp --cap-drop ALL ${SECURITY.flatMap((option) => ['--security-opt', option])}`,
    ...(network === undefined ? [] : [sh`--network ${network}`]),
    ...extraHosts.map((host) => sh`--add-host ${host}`),
    sh`${image}`,
  ])
}

/** Unlike `-v`, which makes a folder of a source that is missing, `--mount` refuses it. */
function mountFlag({ source, target }: HostMount): ShellCommand {
  return typeof source === 'string'
    ? sh`--mount type=bind,source=${source},target=${target},readonly`
    : sh`--mount type=bind,source="$( ${findPath[source.found]} )",target=${target},readonly`
}
