import type { DockerConfig } from '../config.ts'

/** Where an engine is spoken to. */
export type Endpoint =
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly certificates: string | undefined }

/** Where certificates are when no folder is named: the agent's user has no home, in which the Docker command line looks. */
const CERTIFICATES = '/etc/docker'

/** The engine's address, from the options that carry the names of the Docker command line's variables. @throws Error when the address is not one. */
export function endpointOf(
  config: Pick<DockerConfig, 'docker_host' | 'docker_tls_verify' | 'docker_cert_path'>,
): Endpoint {
  const { docker_host: address = 'unix:///var/run/docker.sock' } = config
  if (address.startsWith('unix://')) return { kind: 'socket', path: address.slice('unix://'.length) }
  // Of `tcp:` no port is the usual one, which a URL leaves out.
  const text = address.replace(/^https?:/, 'tcp:')
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || url.hostname === '')
    throw new Error('`docker_host` is no address: write `unix:///path/to/docker.sock` or `tcp://host:port`')
  const isSecure = config.docker_tls_verify || config.docker_cert_path !== undefined || address.startsWith('https:')
  return {
    kind: 'tcp',
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || (isSecure ? 2376 : 2375),
    certificates: isSecure ? (config.docker_cert_path ?? CERTIFICATES) : undefined,
  }
}

/** As people write it. */
export function describeEndpoint(endpoint: Endpoint): string {
  if (endpoint.kind === 'socket') return `unix://${endpoint.path}`
  const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host
  return `tcp://${host}:${endpoint.port}`
}
