import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Agent,
  agentConfigJsonSchema,
  type Connector,
  configFromEnvironment,
  createAgent,
  discoverConnectors,
  type RawConfig,
  type Registry,
  silentLogger,
} from '@rca/core'
import { type AgentAnswer, type Platform, startPlatform } from './platform.ts'
import { showAgents, showEntities, showEvents, showMetrics, showTypes } from './show.ts'
import { paragraph } from './tables.ts'

/** Time for an agent's first reports to arrive at the platform. */
const ARRIVAL_TIMEOUT_MS = 20_000
const POLL_INTERVAL_MS = 200

export interface ExampleOptions {
  /** Variables from which the options of each type are read, as an agent that is deployed reads its own. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly print: (text: string) => void
  /** Keeps platform and agents running until its promise resolves. @default stops after the tables are printed */
  readonly keepUntil?: () => Promise<void>
}

/** Provisions every installed type, runs the agents that find something to watch, and prints the data that arrives. */
export async function runExample({ environment, print, keepUntil }: ExampleOptions): Promise<void> {
  const registry = await discoverConnectors({ from: import.meta.url })
  const platform = await startPlatform()
  const agents: RunningAgent[] = []
  try {
    print(`The platform listens on ${platform.url}\n`)
    const { types, descriptions } = await platform.types()
    print(showTypes(types, descriptions))
    for (const type of types) {
      const { text, agent } = await provisionAndStart(platform, registry, type, environment)
      print(text)
      if (agent !== undefined) agents.push(agent)
    }
    const reporting = await Promise.all(agents.map((agent) => waitForMetrics(platform, agent)))
    await printData(platform, reporting, print)
    if (keepUntil !== undefined) {
      print(keptRunning(platform))
      await keepUntil()
      print('\nStopping.')
    }
  } finally {
    await Promise.all(agents.map(({ agent }) => agent.stop()))
    await platform.close()
  }
}

/** An agent of this process, and the environment for which it reports. */
interface RunningAgent {
  readonly agent: Agent
  readonly connector: Connector
  readonly environment: string
}

/** Provisions an environment for a type, and starts an agent when this machine has something of that type. */
async function provisionAndStart(
  { url, provision }: Platform,
  registry: Registry,
  type: string,
  variables: ExampleOptions['environment'],
): Promise<{ readonly text: string; readonly agent?: RunningAgent }> {
  const environment = `example-${type.replaceAll('/', '-')}`
  const connector = await registry.connector(type)
  const config = configFromEnvironment(connector, variables)
  let provisioned: Awaited<ReturnType<typeof provision>>
  try {
    provisioned = await provision(type, environment, requiredOptions(connector, config))
  } catch (error) {
    return { text: paragraph(`\n\`${type}\` cannot be provisioned: ${(error as Error).message}`) }
  }
  const { agent_token: agentToken, deployment_command: command } = provisioned
  const text = [
    `\nTo deploy an agent of type \`${type}\` for the environment \`${environment}\`, run:`,
    `  ${command.replaceAll('\n', '\n  ')}\n`,
  ].join('\n\n')
  const agent = createAgent({
    connector,
    platformUrl: url,
    agentToken,
    config: { ...config, collect_interval: '1s' },
    logger: silentLogger,
  })
  await agent.start()
  const { connected, collectors } = agent.status()
  if (connected) return { text, agent: { agent, connector, environment } }
  await agent.stop()
  const reason = collectors.connect?.error ?? 'it cannot be reached'
  return { text: `${text}\n${paragraph(`This machine has no \`${type}\` to watch: ${reason}`)}` }
}

/** Options without which there is no command. The others, such as a kubeconfig, hold for this machine only. */
function requiredOptions(connector: Connector, config: RawConfig): RawConfig {
  const { required = [] } = agentConfigJsonSchema(connector)
  return Object.fromEntries(Object.entries(config).filter(([name]) => required.includes(name)))
}

type ReportingAgent = AgentAnswer & { readonly agent_id: string }

/**
 * Waits until every collector of an agent has run and the platform has the metrics of two later collection cycles: some
 * metrics need two readings.
 */
async function waitForMetrics({ agent: find, series }: Platform, running: RunningAgent): Promise<ReportingAgent> {
  const { agent, connector, environment } = running
  let readyAt: string | undefined
  let firstCycle: string | undefined
  for (const deadline = Date.now() + ARRIVAL_TIMEOUT_MS; Date.now() < deadline; await sleep(POLL_INTERVAL_MS)) {
    const collected = agent.status().collectors
    if (!Object.keys(connector.collectors).every((name) => Object.hasOwn(collected, name))) continue
    readyAt ??= new Date().toISOString()
    const found = await find(environment)
    if (found?.agent_id == null || Object.keys(found.health.collectors).length === 0) continue
    const times = (await series(found.agent_id)).flatMap(({ last }) => (last === undefined ? [] : [last.at]))
    const newest = times.toSorted().at(-1) ?? ''
    if (newest <= readyAt) continue
    if (firstCycle !== undefined && newest > firstCycle) return { ...found, agent_id: found.agent_id }
    firstCycle ??= newest
  }
  throw new Error(`No metrics of \`${environment}\` arrived at the platform within ${ARRIVAL_TIMEOUT_MS / 1000} s`)
}

/** Prints what the platform has stored, read back over its API. */
async function printData(
  { entities, series, events }: Platform,
  agents: readonly ReportingAgent[],
  print: ExampleOptions['print'],
): Promise<void> {
  print(`Agents\n${showAgents(agents)}`)
  for (const { agent_id: id, environment } of agents) {
    const known = await entities(id)
    print(`\nEntities of \`${environment}\`\n${showEntities(known)}`)
    print(`\nLive metrics of \`${environment}\`\n${showMetrics(await series(id), known)}`)
    print(`\nEvents of \`${environment}\`\n${showEvents(await events(environment))}`)
  }
}

function keptRunning({ url, adminToken, database }: Platform): string {
  return `
Running until Ctrl-C:
  reference    ${url}/docs
  agents       curl -H 'Authorization: Bearer ${adminToken}' ${url}/api/v1/agents
  metrics      curl -H 'Authorization: Bearer ${adminToken}' '${url}/api/v1/metrics?name=system.cpu.utilization'
  admin token  ${adminToken}
  data         ${database} (deleted at the end)`
}
