import { readFileSync } from 'node:fs'
import {
  type AgentOptions,
  agentOptionNames,
  type Connector,
  configFromEnvironment,
  environmentName,
  parsePlatformUrl,
  type Registry,
} from '@rca/core'
import { distance } from 'fastest-levenshtein'

export type Environment = Readonly<Record<string, string | undefined>>

/** An environment variable is missing or wrong. The message says what to set. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError'
}

/** Variables that every agent reads beside its options, with their descriptions for `--help`. */
export const AGENT_VARIABLES = {
  PLATFORM_API_URL: "the platform's address",
  AGENT_TOKEN: "the environment's token",
  AGENT_TOKEN_FILE: 'file with the token, instead of AGENT_TOKEN',
  AGENT_TYPE: 'what to watch; `rca-agent types` lists the installed types',
  RCA_CONNECTORS: 'folder with further connectors, installed there with npm',
  RCA_STATE_DIR: 'directory of the state that outlives a restart',
  RCA_HEALTH_PORT: 'port of GET /healthz on loopback (default 8687), or `off`',
  RCA_HEALTH_SOCKET: 'Unix socket of GET /healthz, instead of a port',
} as const

const DEFAULT_HEALTH_PORT = 8687

/** Shortest interval between collections: a shorter one would load the host that the agent watches. */
const MIN_COLLECT_INTERVAL_MS = 1_000

/**
 * Reads what `createAgent` needs.
 *
 * @throws {EnvironmentError | UnknownTypeError} when variables are missing or wrong. The message has a line for each
 */
export async function readAgentOptions(
  environment: Environment,
  registry: Registry,
): Promise<Omit<AgentOptions, 'logger'> & { readonly config: NonNullable<AgentOptions['config']> }> {
  const problems: string[] = []
  const attempt = (read: () => string): string => {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof EnvironmentError)) throw error
      problems.push(error.message)
      return ''
    }
  }
  const platformUrl = attempt(() => readPlatformUrl(environment))
  const agentToken = attempt(() => readAgentToken(environment))
  const type = attempt(() => readAgentType(environment, registry))
  if (problems.length > 0) throw new EnvironmentError(problems.join('\n'))
  const connector = await registry.connector(type)
  const stateDirectory = readStateDirectory(environment)
  const connectorOrigin = registry.origin(type)
  return {
    connector,
    ...(connectorOrigin === undefined ? {} : { connectorOrigin }),
    platformUrl,
    agentToken,
    config: readConfig(connector, environment),
    ...(stateDirectory === undefined ? {} : { stateDirectory }),
  }
}

/** Reads the agent's type. @throws {EnvironmentError} when `AGENT_TYPE` is missing */
export function readAgentType(environment: Environment, registry: Registry): string {
  const type = environment.AGENT_TYPE?.trim()
  if (type !== undefined && type !== '') return type
  const installed = registry.listSupportedTypes().join(', ')
  throw new EnvironmentError(
    `AGENT_TYPE is not set. Set it to one of the installed types: ${installed === '' ? 'none is installed' : installed}`,
  )
}

/** Reads the platform's address. @throws {EnvironmentError} when `PLATFORM_API_URL` is missing or not an address */
export function readPlatformUrl(environment: Environment): string {
  const url = environment.PLATFORM_API_URL
  if (url === undefined || url.trim() === '')
    throw new EnvironmentError(
      "PLATFORM_API_URL is not set. Set it to the platform's address, such as https://api.example.com",
    )
  try {
    parsePlatformUrl(url)
    return url
  } catch (error) {
    // A text with an `@`, a query or a fragment may hold a password.
    const value = /[@?#]/.test(url) ? '' : ` (\`${url.trim()}\`)`
    throw new EnvironmentError((error as Error).message.replace('`platformUrl`', () => `PLATFORM_API_URL${value}`))
  }
}

/** Reads the options of the agent. @throws {EnvironmentError} when the agent would collect too often */
export function readConfig(connector: Connector, environment: Environment): NonNullable<AgentOptions['config']> {
  const config = configFromEnvironment(connector, environment)
  const [text, milliseconds] = /^(\d{1,12})ms$/.exec(environment.COLLECT_INTERVAL?.trim() ?? '') ?? []
  if (milliseconds !== undefined && Number(milliseconds) < MIN_COLLECT_INTERVAL_MS)
    throw new EnvironmentError(`COLLECT_INTERVAL is \`${text}\`. Set it to at least 1s: shorter ones load the host`)
  return config
}

/** Reads the token from `AGENT_TOKEN` or the file that `AGENT_TOKEN_FILE` names. @throws {EnvironmentError} */
export function readAgentToken(environment: Environment): string {
  const { AGENT_TOKEN: token, AGENT_TOKEN_FILE: file } = environment
  if (token !== undefined && token.trim() !== '') {
    if (file !== undefined && file !== '')
      throw new EnvironmentError('AGENT_TOKEN and AGENT_TOKEN_FILE are both set. Set only one of them')
    return token
  }
  if (file === undefined || file === '')
    throw new EnvironmentError(
      'AGENT_TOKEN is not set. Set it to the token that the platform showed once, or AGENT_TOKEN_FILE to a file with the token',
    )
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new EnvironmentError(`AGENT_TOKEN_FILE: ${file} cannot be read: ${(error as Error).message}`)
  }
}

/** Finds unknown variables that look like misspelt options, each with the option that was probably meant. */
export function findMisspelt(
  environment: Environment,
  connector: Connector,
): { readonly name: string; readonly suggestion: string }[] {
  const known = [...Object.keys(AGENT_VARIABLES), ...agentOptionNames(connector).map(environmentName)]
  return Object.keys(environment)
    .filter((name) => !known.includes(name))
    .flatMap((name) => {
      const suggestion = known.find((candidate) => candidate.length >= 8 && distance(candidate, name) <= 2)
      return suggestion === undefined ? [] : [{ name, suggestion }]
    })
}

/** Address of the health endpoint: a port on loopback, or a Unix socket. */
export type HealthAddress = { readonly port: number } | { readonly socket: string }

/** Reads the health endpoint's address, preferably a port; `undefined` is off. @throws {EnvironmentError} */
export function readHealthAddress(environment: Environment): HealthAddress | undefined {
  const text = environment.RCA_HEALTH_PORT?.trim()
  const socket = environment.RCA_HEALTH_SOCKET?.trim()
  if (text === undefined || text === '') {
    if (socket === undefined || socket === '') return { port: DEFAULT_HEALTH_PORT }
    if (socket.startsWith('/')) return { socket }
    throw new EnvironmentError(`RCA_HEALTH_SOCKET is \`${socket}\`. Set it to a path that begins with \`/\``)
  }
  if (text === 'off') return undefined
  const port = Number(text)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return { port }
  throw new EnvironmentError(`RCA_HEALTH_PORT is \`${text}\`. Set it to a port (0 for a free one), or to \`off\``)
}

/** Reads the directory of the state that outlives a run; `undefined` keeps no state. */
export function readStateDirectory(environment: Environment): string | undefined {
  const directory = environment.RCA_STATE_DIR?.trim()
  return directory === '' ? undefined : directory
}
