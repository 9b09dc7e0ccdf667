import { type Agent, type Connector, createAgent, type Registry, toTerminalJson, toTerminalLine } from '@rca/core'
import { defineConnector } from '@rca/core/connector'
import { createLogger } from '../create-logger.ts'
import { type Environment, EnvironmentError, findMisspelt, readAgentType, readConfig } from '../environment.ts'
import { EXIT_CODES } from '../exit.ts'
import { print } from '../standard-output.ts'

/** Options of `collect`. */
export interface CollectOptions {
  /** Type to watch, instead of AGENT_TYPE. */
  readonly type?: string | undefined
  /** Names of collectors, separated by commas. @default all */
  readonly collector?: string | undefined
  /** Prints a line for each signal, instead of JSON. */
  readonly text?: boolean | undefined
}

/** Prints one report, without platform or token, as JSON or as lines. Returns the exit code. */
export async function collect(
  registry: Registry,
  environment: Environment,
  { type, collector, text = false }: CollectOptions,
): Promise<number> {
  const installed = await registry.connector(type ?? readAgentType(environment, registry))
  const connector = collector === undefined ? installed : selectCollectors(installed, collector)
  const config = readConfig(connector, environment)
  for (const { name, suggestion } of findMisspelt(environment, installed))
    process.stderr.write(`Unknown variable ${name} is ignored. Did you mean ${suggestion}?\n`)
  // Nothing is sent: address and token only have to be well-formed.
  const agent = createAgent({
    connector,
    platformUrl: 'http://127.0.0.1',
    agentToken: 'unused',
    config,
    logger: createLogger('warn'),
  })
  try {
    const report = await agent.collectMetrics()
    print(`${text ? toText(report.data) : toTerminalJson(report, 2)}\n`)
    return EXIT_CODES.ok
  } catch (error) {
    process.stderr.write(`${connector.title} cannot be read: ${toTerminalLine((error as Error).message)}\n`)
    return EXIT_CODES.unhealthy
  } finally {
    await agent.stop()
  }
}

/** Returns a connector with the named collectors alone. @throws {EnvironmentError} for an unknown name */
function selectCollectors(connector: Connector, names: string): Connector {
  const wanted = names.split(',').map((name) => name.trim())
  const known = Object.keys(connector.collectors)
  const unknown = wanted.filter((name) => !known.includes(name))
  if (unknown.length > 0)
    throw new EnvironmentError(
      `--collector: ${connector.type} has no collector \`${unknown.join('`, `')}\`. Its collectors are ${known.join(', ')}`,
    )
  const collectors = Object.entries(connector.collectors).filter(([name]) => wanted.includes(name))
  return defineConnector({ ...connector, collectors: Object.fromEntries(collectors) })
}

type ReportData = Awaited<ReturnType<Agent['collectMetrics']>>['data']

/** Returns a line for each entity, metric, event and gap. The entity of a metric or event is after its name. */
function toText({ entities, metrics, events, gaps }: ReportData): string {
  const attributesOf = (attributes: Readonly<Record<string, unknown>>): string =>
    Object.entries(attributes)
      .map(([name, value]) => ` ${name}=${JSON.stringify(value)}`)
      .join('')
  return [
    ...entities.map(
      ({ type, id, name }) => `entity  ${type} ${id}${name === undefined || name === id ? '' : ` ${name}`}`,
    ),
    ...metrics.map(
      ({ name, entity, value, at, unit, attributes }) =>
        `metric  ${at === undefined ? '' : `${at} `}${name} ${entity.type}/${entity.id} ${value} ${unit}${attributesOf(attributes)}`,
    ),
    ...events.map(
      ({ at, severity, name, entity, body }) =>
        `event   ${at} ${severity} ${name} ${entity.type}/${entity.id}: ${body}`,
    ),
    ...gaps.map(({ scope, reason }) => `gap     ${scope}: ${reason}`),
  ]
    .map(toTerminalLine)
    .join('\n')
}
