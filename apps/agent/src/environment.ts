import { readFileSync } from 'node:fs'
import { agentOptionNames, type Connector, environmentName, type Registry } from '@rca/core'
import { distance } from 'fastest-levenshtein'

/** Variables of the process. */
export type Environment = Readonly<Record<string, string | undefined>>

/** What the environment says is wrong or missing. Its message tells the operator what to set. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError'
}

/** The variables that every agent reads beside its configuration. */
const OWN_VARIABLES = [
  'PLATFORM_API_URL',
  'AGENT_TOKEN',
  'AGENT_TOKEN_FILE',
  'AGENT_TYPE',
  'RCA_STATE_DIR',
  'RCA_HEALTH_PORT',
  'RCA_HEALTH_SOCKET',
]

/** Port of the health endpoint unless `RCA_HEALTH_PORT` says otherwise. */
const HEALTH_PORT = 8687

/** The agent's type. @throws {EnvironmentError} when `AGENT_TYPE` is missing. */
export function readAgentType(environment: Environment, registry: Registry): string {
  const type = environment.AGENT_TYPE?.trim()
  if (type !== undefined && type !== '') return type
  const installed = registry.listSupportedTypes().join(', ')
  throw new EnvironmentError(
    `AGENT_TYPE is not set. Set it to one of the installed types: ${installed === '' ? 'none is installed' : installed}`,
  )
}

/** The platform's address. @throws {EnvironmentError} when `PLATFORM_API_URL` is missing. */
export function readPlatformUrl(environment: Environment): string {
  const url = environment.PLATFORM_API_URL
  if (url !== undefined && url.trim() !== '') return url
  throw new EnvironmentError(
    "PLATFORM_API_URL is not set. Set it to the platform's address, such as https://api.example.com",
  )
}

/** The token, from `AGENT_TOKEN` or the file that `AGENT_TOKEN_FILE` names. @throws {EnvironmentError} */
export function readAgentToken(environment: Environment): string {
  const { AGENT_TOKEN: token, AGENT_TOKEN_FILE: file } = environment
  if (token !== undefined && token.trim() !== '') {
    if (file !== undefined && file !== '')
      throw new EnvironmentError('AGENT_TOKEN and AGENT_TOKEN_FILE are both set. Set only one of them')
    return token
  }
  if (file === undefined || file === '')
    throw new EnvironmentError(
      'AGENT_TOKEN is not set. Set it to the token that the platform showed once, or AGENT_TOKEN_FILE to a file that holds it',
    )
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new EnvironmentError(`AGENT_TOKEN_FILE names ${file}, which cannot be read: ${(error as Error).message}`)
  }
}

/** Variables that look like a misspelt option, with the option that was probably meant. */
export function findMisspelt(environment: Environment, connector: Connector): { name: string; meant: string }[] {
  const known = [...OWN_VARIABLES, ...agentOptionNames(connector).map(environmentName)]
  return Object.keys(environment)
    .filter((name) => !known.includes(name))
    .flatMap((name) => {
      const meant = known.find((candidate) => candidate.length >= 8 && distance(candidate, name) <= 2)
      return meant === undefined ? [] : [{ name, meant }]
    })
}

/** Where the health endpoint listens: on loopback, or on a Unix socket. */
export type HealthAddress = { readonly port: number } | { readonly socket: string }

/** Where the health endpoint listens; `undefined` for none. A port goes before a socket. @throws {EnvironmentError} */
export function readHealthAddress(environment: Environment): HealthAddress | undefined {
  const text = environment.RCA_HEALTH_PORT?.trim()
  const socket = environment.RCA_HEALTH_SOCKET?.trim()
  if (text === undefined || text === '') {
    if (socket === undefined || socket === '') return { port: HEALTH_PORT }
    if (socket.startsWith('/')) return { socket }
    throw new EnvironmentError(`RCA_HEALTH_SOCKET is \`${socket}\`. Set it to a path that begins with \`/\``)
  }
  if (text === 'off') return undefined
  const port = Number(text)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return { port }
  throw new EnvironmentError(`RCA_HEALTH_PORT is \`${text}\`. Set it to a port (0 for a free one), or to \`off\``)
}

/** Where the agent keeps what outlives a run. */
export function readStateDirectory(environment: Environment): string | undefined {
  const directory = environment.RCA_STATE_DIR?.trim()
  return directory === '' ? undefined : directory
}
