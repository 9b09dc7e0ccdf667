import { posix } from 'node:path'
import { type DeploymentTarget, settings } from '@rca/core/connector'
import type { DockerConfig } from '../config.ts'
import { endpointOf } from '../engine/endpoint.ts'

/** A path that only the host knows: the command finds it when it is pasted there. */
export type HostPath = 'socket' | 'machine-id'

export interface HostMount {
  readonly source: string | { readonly found: HostPath }
  readonly target: string
}

/** The container of an agent, independent of the tool that starts it. */
export interface AgentContainer {
  readonly name: string
  readonly image: string
  /** `NAME=value`, those of the specification first and in its order. */
  readonly environment: readonly string[]
  readonly mounts: readonly HostMount[]
  /** The socket whose group the agent joins; absent for an engine behind TCP. */
  readonly socket: { readonly path: string | undefined } | undefined
  readonly stateVolume: string
  readonly network: string | undefined
  /** `name:address` */
  readonly extraHosts: readonly string[]
}

/** Default mount point of the host's kernel files. */
const ROOT = '/host'

const CA_FILE = '/etc/rca-agent/platform-ca.pem'

/** Path of the socket, in the container and on most hosts. */
export const DEFAULT_SOCKET = '/var/run/docker.sock'

/** State directory of the agent in its image. */
export const STATE_FOLDER = '/var/lib/rca-agent'

export const LIMITS = { memory: '256m', cpus: '0.5', pids: 100 } as const

/** No new privileges. The SELinux label is off, since SELinux would deny the engine's socket to any container. */
export const SECURITY: readonly string[] = ['no-new-privileges', 'label=disable']

export function agentContainer(target: DeploymentTarget<DockerConfig>): AgentContainer {
  const { config, settings: written } = target
  const endpoint = endpointOf(config)
  const root = written.root_path === undefined ? ROOT : config.root_path
  // The host's kernel files describe the engine's containers only if the engine runs on this host.
  const isHostSeen = endpoint.kind === 'socket' && root !== '/'
  const path = config.docker_host === undefined || endpoint.kind === 'tcp' ? undefined : endpoint.path
  return {
    name: config.container_name,
    image: config.image,
    environment: [
      ...settings.environmentVariables(target),
      ...(isHostSeen && written.root_path === undefined ? [`ROOT_PATH=${ROOT}`] : []),
      ...proxyVariables(config),
      ...(config.ca_file === undefined ? [] : [`NODE_EXTRA_CA_CERTS=${CA_FILE}`]),
    ],
    mounts: [
      ...engineMounts(endpoint, path),
      ...(isHostSeen ? kernelMounts(root) : []),
      ...(config.ca_file === undefined ? [] : [{ source: config.ca_file, target: CA_FILE }]),
    ],
    socket: endpoint.kind === 'socket' ? { path } : undefined,
    stateVolume: `${config.container_name}-state`,
    network: config.network,
    extraHosts: config.extra_hosts,
  }
}

function engineMounts(endpoint: ReturnType<typeof endpointOf>, path: string | undefined): HostMount[] {
  if (endpoint.kind === 'socket')
    return path === undefined
      ? [{ source: { found: 'socket' }, target: DEFAULT_SOCKET }]
      : [{ source: path, target: path }]
  return endpoint.certificates === undefined ? [] : [{ source: endpoint.certificates, target: endpoint.certificates }]
}

function kernelMounts(root: string): HostMount[] {
  return [
    { source: '/sys/fs/cgroup', target: posix.join(root, 'sys/fs/cgroup') },
    { source: '/proc', target: posix.join(root, 'proc') },
    { source: { found: 'machine-id' }, target: posix.join(root, 'etc/machine-id') },
  ]
}

/** Node reads these variables only if it is configured to (nodejs.org/api/cli, `NODE_USE_ENV_PROXY`). */
function proxyVariables({ https_proxy: proxy, no_proxy: exceptions }: DockerConfig): string[] {
  if (proxy === undefined) return []
  return [
    `HTTPS_PROXY=${proxy}`,
    `HTTP_PROXY=${proxy}`,
    ...(exceptions === undefined ? [] : [`NO_PROXY=${exceptions}`]),
    'NODE_USE_ENV_PROXY=1',
  ]
}
