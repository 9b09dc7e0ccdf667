import type { DockerConfig } from '../config.ts'

/** Where an engine is spoken to. */
export type Endpoint =
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly certificates: string | undefined }

/** Where certificates are when no folder is named: the agent's user has no home, in which the Docker command line looks. */
const CERTIFICATES = '/etc/docker'

/** Why the address of an engine behind TCP cannot be used, as the rest of “`docker_host` …”; a socket's always can. */
export function addressProblem(address: string): string | undefined {
  if (address.startsWith('unix://')) return undefined
  const url = urlOf(address)
  if (url === undefined || url.hostname === '' || url.port === '0')
    return 'is no address: write `unix:///path/to/docker.sock` or `tcp://host:port`, with a port from 1 to 65535'
  if (url.username !== '' || url.password !== '')
    return 'must hold no user or password: write `tcp://host:port`. An engine asks for a certificate, which `docker_cert_path` names'
  return undefined
}

/** The engine's address, from the options that carry the names of the Docker command line's variables. @throws Error when the address is not one. */
export function endpointOf(
  config: Pick<DockerConfig, 'docker_host' | 'docker_tls_verify' | 'docker_cert_path'>,
): Endpoint {
  const { docker_host: address = 'unix:///var/run/docker.sock' } = config
  if (address.startsWith('unix://')) return { kind: 'socket', path: address.slice('unix://'.length) }
  const url = urlOf(address)
  const problem = addressProblem(address)
  if (url === undefined || problem !== undefined) throw new Error(`\`docker_host\` ${problem}`)
  const isSecure = config.docker_tls_verify || config.docker_cert_path !== undefined || address.startsWith('https:')
  return {
    kind: 'tcp',
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || (isSecure ? 2376 : 2375),
    certificates: isSecure ? (config.docker_cert_path ?? CERTIFICATES) : undefined,
  }
}

function urlOf(address: string): URL | undefined {
  // Of `tcp:` no port is the usual one, which a URL leaves out.
  const text = address.replace(/^https?:/, 'tcp:')
  return URL.canParse(text) ? new URL(text) : undefined
}

/** As people write it. */
export function describeEndpoint(endpoint: Endpoint): string {
  if (endpoint.kind === 'socket') return `unix://${endpoint.path}`
  const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host
  return `tcp://${host}:${endpoint.port}`
}
