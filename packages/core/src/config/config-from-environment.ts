import type { Connector } from '../connector/connector.ts'
import { environmentName } from '../deployment/settings.ts'
import { agentOptionNames, type RawConfig } from './parse-config.ts'

/** Reads an agent's options from environment variables: `LOG_LEVEL` → `log_level`. Ignores empty variables. */
export function configFromEnvironment(
  connector: Connector,
  environment: Readonly<Record<string, string | undefined>>,
): RawConfig {
  const set = agentOptionNames(connector).map((key) => [key, environment[environmentName(key)]] as const)
  return Object.fromEntries(set.filter(([, value]) => value !== undefined && value !== ''))
}
