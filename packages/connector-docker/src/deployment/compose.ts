import { createRequire } from 'node:module'
import { type Command, command } from '@rca/core/connector'
import {
  type AgentContainer,
  type HostMount,
  type HostPath,
  LIMITS,
  SECURITY,
  STATE_FOLDER,
} from './agent-container.ts'
import { findGroup, findPath } from './found-on-host.ts'

/** Variables that the command sets to the paths found on the host, with defaults. */
const VARIABLES: Readonly<Record<HostPath, string>> = {
  socket: '${DOCKER_SOCKET:-/var/run/docker.sock}',
  'machine-id': '${MACHINE_ID:-/etc/machine-id}',
}

/** Returns the command that starts the agent as a compose project of its own, without writing a file. */
export function composeCommand(container: AgentContainer): Command {
  const path = container.socket?.path
  const socket = path === undefined ? findPath.socket : command('echo', path)
  const compose = command(
    [command.assignment('DOCKER_SOCKET', socket.output())],
    [command.assignment('SOCKET_GROUP', findGroup(path).output())],
    [command.assignment('MACHINE_ID', findPath['machine-id'].output())],
    ['docker', 'compose', '--project-name', projectName(container), '--file', '-', 'up', '--detach'],
  )
  return command('printf', '%s', composeFile(container)).pipe(compose, { newLine: true })
}

/** Project names allow fewer characters than container names. */
function projectName({ name }: Pick<AgentContainer, 'name'>): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9_-]/g, '-')
}

/** Returns the container as a compose file (github.com/compose-spec/compose-spec). */
export function composeFile(container: AgentContainer): string {
  const { name, image, environment, mounts, socket, stateVolume, network, extraHosts } = container
  const service = {
    container_name: name,
    image: literal(image),
    environment: environment.map(literal),
    restart: 'unless-stopped',
    volumes: [...mounts.map(mountOf), { type: 'volume', source: 'state', target: STATE_FOLDER }],
    ...(socket !== undefined && { group_add: ['${SOCKET_GROUP:-0}'] }),
    mem_limit: LIMITS.memory,
    cpus: LIMITS.cpus,
    pids_limit: LIMITS.pids,
    read_only: true,
    tmpfs: ['/tmp'],
    cap_drop: ['ALL'],
    security_opt: SECURITY,
    ...networkOf(network),
    ...(extraHosts.length > 0 && { extra_hosts: extraHosts.map(literal) }),
  }
  // Here, since an agent never writes a compose file, and `deploy` cannot wait for an import.
  const { stringify } = createRequire(import.meta.url)('yaml') as typeof import('yaml')
  const isNamed = network !== undefined && !isMode(network)
  return stringify(
    {
      services: { agent: service },
      volumes: { state: { name: stateVolume } },
      ...(isNamed && { networks: { agent: { name: network, external: true } } }),
    },
    { lineWidth: 0 },
  )
}

function mountOf({ source, target }: HostMount) {
  const path = typeof source === 'string' ? literal(source) : VARIABLES[source.found]
  return { type: 'bind', source: path, target: literal(target), read_only: true }
}

function networkOf(network = 'bridge') {
  return isMode(network) ? { network_mode: network } : { networks: ['agent'] }
}

/** Returns true for a network mode, which compose does not take for the name of a network. */
function isMode(network: string): boolean {
  return ['host', 'none', 'bridge'].includes(network) || /^(container|service):/.test(network)
}

/** Escapes dollar signs, with which Compose starts a variable. */
function literal(text: string): string {
  return text.replaceAll('$', '$$$$')
}
