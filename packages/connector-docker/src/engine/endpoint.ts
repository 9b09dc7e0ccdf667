export type Endpoint =
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly certificates: string | undefined }

/** The Docker CLI uses the home folder, which the agent's user does not have. */
const DEFAULT_CERTIFICATES_FOLDER = '/etc/docker'

/** Returns why an address is invalid, as the rest of “`docker_host` …”. Socket addresses are always valid. */
export function addressProblem(address: string): string | undefined {
  if (address.startsWith('unix://')) return undefined
  const url = urlOf(address)
  if (url === undefined || url.hostname === '' || url.port === '0')
    return 'must be an address: write `unix:///path/to/docker.sock` or `tcp://host:port`, with a port from 1 to 65535'
  if (url.username !== '' || url.password !== '')
    return 'must not contain a user or password: write `tcp://host:port`. Engines authenticate clients by certificate; set `docker_cert_path`'
  return undefined
}

/** Options that select an engine, named after the environment variables of the Docker CLI. */
export interface EndpointOptions {
  readonly docker_host?: string | undefined
  readonly docker_tls_verify: boolean
  readonly docker_cert_path?: string | undefined
}

/** Returns the engine's address. @throws Error for an invalid address. */
export function endpointOf(config: EndpointOptions): Endpoint {
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
    certificates: isSecure ? (config.docker_cert_path ?? DEFAULT_CERTIFICATES_FOLDER) : undefined,
  }
}

function urlOf(address: string): URL | undefined {
  // `URL` drops the default port of `http:` and `https:`, but has none for `tcp:`.
  const text = address.replace(/^https?:/, 'tcp:')
  return URL.canParse(text) ? new URL(text) : undefined
}

/** Formats an endpoint as a `docker_host` value. */
export function describeEndpoint(endpoint: Endpoint): string {
  if (endpoint.kind === 'socket') return `unix://${endpoint.path}`
  const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host
  return `tcp://${host}:${endpoint.port}`
}
