import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { environmentName, parseAgentToken, parseConfig, parsePlatformUrl, type Registry } from '@rca/core'
import type { Environment } from '../environment.ts'
import { findProxies, NOT_AN_ADDRESS } from '../proxy.ts'
import { readUpdateWindow } from '../update/update-schedule.ts'
import { renderEnvironmentFile } from './environment-file.ts'
import type { Layout } from './layout.ts'
import { ServiceError } from './service-error.ts'

/** Options of `rca-agent service install` that become the agent's environment. */
export interface ConfigurationOptions {
  readonly platformUrl?: string
  readonly agentToken?: string
  readonly agentType?: string
  /** Options of the agent, as `name=value`. */
  readonly set?: readonly string[]
  readonly proxy?: string
  readonly caFile?: string
  readonly connector?: string
}

/** The files that configure an installed agent. */
export interface Configuration {
  /** Text of the environment file. */
  readonly environment: string
  /** Additional CA certificates, in PEM. */
  readonly certificates: string | undefined
  readonly platformUrl: string
}

/**
 * Validates options as the agent would, and returns the files that hold them; `undefined` if no option is given, which
 * keeps the configuration as it is.
 *
 * @throws {ServiceError | ConfigError | UnknownTypeError | PlatformUrlError | AgentTokenError}
 */
export async function readConfiguration(
  options: ConfigurationOptions,
  environment: Environment,
  registry: Registry,
  layout: Pick<Layout, 'state' | 'caFile'> & Partial<Pick<Layout, 'socket'>>,
): Promise<Configuration | undefined> {
  const agentToken = options.agentToken ?? (environment.AGENT_TOKEN || undefined)
  const given = [agentToken, options.platformUrl, options.agentType, ...(options.set ?? [])]
  if (given.every((value) => value === undefined)) return undefined
  const url = parsePlatformUrl(required(options.platformUrl, '--platform-url'))
  const platformUrl = url.href.replace(/\/+$/, '')
  const token = parseAgentToken(required(agentToken, '--agent-token, or the variable AGENT_TOKEN,'))
  const connector = await registry.connector(required(options.agentType, '--agent-type'))
  const { auto_update, auto_update_window, ...others } = parseSettings(options.set ?? [])
  const { settings } = parseConfig(connector, others)
  const updates = {
    ...(auto_update === undefined ? {} : { AUTO_UPDATE: auto_update }),
    ...(auto_update_window === undefined ? {} : { AUTO_UPDATE_WINDOW: auto_update_window }),
  }
  readUpdateWindow(updates)
  const certificates = options.caFile === undefined ? undefined : readCertificates(options.caFile)
  const variables = {
    PLATFORM_API_URL: platformUrl,
    AGENT_TOKEN: token,
    AGENT_TYPE: connector.type,
    ...Object.fromEntries(Object.entries(settings).map(([name, value]) => [environmentName(name), value])),
    ...updates,
    RCA_STATE_DIR: layout.state,
    ...(layout.socket === undefined ? {} : { RCA_HEALTH_SOCKET: layout.socket }),
    ...(options.connector === undefined ? {} : { RCA_CONNECTORS: readConnectorFolder(options.connector) }),
    // Trusts the certificates that curl trusts, with which the installer was downloaded.
    ...(url.protocol === 'https:' ? { NODE_USE_SYSTEM_CA: '1' } : {}),
    ...(certificates === undefined ? {} : { NODE_EXTRA_CA_CERTS: layout.caFile }),
    ...proxyVariables(options.proxy, environment),
  }
  return { environment: renderEnvironmentFile(variables), certificates, platformUrl }
}

function required(value: string | undefined, option: string): string {
  if (value !== undefined && value.trim() !== '') return value
  throw new ServiceError('usage', `${option} is missing. Use the command that the platform shows`)
}

function parseSettings(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
      if (name === undefined || value === undefined)
        throw new ServiceError('usage', `--set: \`${text}\` is not \`name=value\`, such as \`log_level=debug\``)
      return [name.trim(), value]
    }),
  )
}

function readCertificates(file: string): string {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new ServiceError('usage', `--ca-file: ${(error as Error).message}`)
  }
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text
  throw new ServiceError('usage', `--ca-file: ${file} has no certificate in PEM format`)
}

function readConnectorFolder(folder: string): string {
  const path = resolve(folder)
  if (existsSync(join(path, 'package.json'))) return path
  throw new ServiceError(
    'usage',
    `--connector: ${path} has no package.json. Name the folder in which the connectors were installed with npm`,
  )
}

/** Variables with which Node uses a proxy. `sudo` removes them from the environment, so the agent's file keeps them. */
function proxyVariables(proxy: string | undefined, environment: Environment): Record<string, string> {
  if (proxy === '') return {}
  const { forHttps, forHttp, noProxy } = findProxies(
    proxy === undefined ? environment : { ...environment, https_proxy: proxy, http_proxy: proxy },
  )
  if (proxy !== undefined && forHttps?.address === undefined)
    throw new ServiceError('usage', `--proxy is ${NOT_AN_ADDRESS}`)
  if (forHttps?.address === undefined && forHttp?.address === undefined) return {}
  return {
    NODE_USE_ENV_PROXY: '1',
    ...(forHttps?.address === undefined ? {} : { HTTPS_PROXY: forHttps.address }),
    ...(forHttp?.address === undefined ? {} : { HTTP_PROXY: forHttp.address }),
    ...(noProxy === undefined ? {} : { NO_PROXY: noProxy }),
  }
}
