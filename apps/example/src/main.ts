import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Agent,
  agentConfigJsonSchema,
  type Connector,
  configFromEnvironment,
  createAgent,
  discoverConnectors,
  type RawConfig,
  silentLogger,
} from '@rca/core'
import { type AgentAnswer, type Platform, startPlatform } from './platform.ts'
import { showAgents, showEntities, showEvents, showMetrics, showTypes } from './show.ts'

/** How long the platform may take to hear of what the agents see, in milliseconds. */
const PATIENCE = 10_000

/** An agent that runs in this process, and the environment it reports for. */
interface Running {
  readonly agent: Agent
  readonly environment: string
}

const keep = process.argv.includes('--keep')
const say = (text: string): void => console.log(text)

const registry = await discoverConnectors({ from: import.meta.url })
const platform = await startPlatform()
const running: Running[] = []
try {
  say(`The platform listens on ${platform.url}\n`)
  const { types, descriptions } = await platform.types()
  say(showTypes(types, descriptions))
  for (const type of types) {
    const started = await provisionAndStart(platform, type)
    if (started !== undefined) running.push(started)
  }
  const agents = await Promise.all(running.map((one) => untilKnown(platform, one)))
  await show(platform, agents)
  if (keep) await keepRunning(platform)
} finally {
  await Promise.all(running.map(({ agent }) => agent.stop()))
  await platform.close()
}

/**
 * Provisions an environment for a type, shows the command, and runs an agent here if this machine has what it watches.
 * Options of the type are read from this process's environment, as the agent that is deployed does.
 */
async function provisionAndStart({ url, provision }: Platform, type: string): Promise<Running | undefined> {
  const environment = `example-${type.replaceAll('/', '-')}`
  const connector = await registry.connector(type)
  const config = configFromEnvironment(connector, process.env)
  let provisioned: Awaited<ReturnType<typeof provision>>
  try {
    provisioned = await provision(type, environment, required(connector, config))
  } catch (error) {
    say(`\n\`${type}\` is not started: ${(error as Error).message}`)
    return undefined
  }
  const { agent_token: agentToken, deployment_command: command } = provisioned
  say(
    `\nTo watch \`${type}\` elsewhere as environment \`${environment}\`, paste there:\n\n  ${command.replaceAll('\n', '\n  ')}\n`,
  )
  const agent = createAgent({
    connector,
    platformUrl: url,
    agentToken,
    config: { ...config, collect_interval: '1s' },
    logger: silentLogger,
  })
  await agent.start()
  const { connected, collectors } = agent.status()
  if (connected) return { agent, environment }
  await agent.stop()
  say(`No \`${type}\` to watch here: ${collectors.connect?.error ?? 'it cannot be reached'}`)
  return undefined
}

/** What a command cannot do without. The rest, such as a kubeconfig, is true of this machine and not of the one where it is pasted. */
function required(connector: Connector, config: RawConfig): RawConfig {
  const { required: names = [] } = agentConfigJsonSchema(connector)
  return Object.fromEntries(Object.entries(config).filter(([name]) => names.includes(name)))
}

/** Waits until the platform has heard of an agent and has at least two rounds of metrics from it. */
async function untilKnown(
  { agent, series }: Platform,
  { environment }: Running,
): Promise<AgentAnswer & { agent_id: string }> {
  for (const deadline = Date.now() + PATIENCE; Date.now() < deadline; await sleep(200)) {
    const found = await agent(environment)
    if (found?.agent_id == null || Object.keys(found.health.collectors).length === 0) continue
    const values = await series(found.agent_id)
    const first = values[0]?.last?.at
    if (first !== undefined && (await moved(found.agent_id, first)))
      return { ...found, ...(await agent(environment)), agent_id: found.agent_id }
  }
  throw new Error(`Nothing of \`${environment}\` arrived at the platform within ${PATIENCE / 1000} s`)
}

async function moved(agentId: string, since: string): Promise<boolean> {
  for (let looks = 0; looks < 15; looks += 1) {
    await sleep(200)
    if ((await platform.series(agentId)).some(({ last }) => last !== undefined && last.at > since)) return true
  }
  return false
}

/** What the platform now knows, read back from it. */
async function show(
  { entities, series, events }: Platform,
  agents: readonly (AgentAnswer & { agent_id: string })[],
): Promise<void> {
  say(`What the platform knows now:\n\n${showAgents(agents)}`)
  for (const { agent_id: id, environment } of agents) {
    const known = await entities(id)
    say(`\nEntities of \`${environment}\`\n${showEntities(known)}`)
    say(`\nLive metrics of \`${environment}\`\n${showMetrics(await series(id), known)}`)
    say(`\nEvents of \`${environment}\`\n${showEvents(await events(environment))}`)
  }
}

async function keepRunning({ url, adminToken, database }: Platform): Promise<void> {
  say(`
Left running until Ctrl-C:
  reference    ${url}/docs
  agents       curl -H 'Authorization: Bearer ${adminToken}' ${url}/api/v1/agents
  metrics      curl -H 'Authorization: Bearer ${adminToken}' '${url}/api/v1/metrics?name=system.cpu.utilization'
  admin token  ${adminToken}
  data         ${database} (removed at the end)`)
  await new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve)
  })
  say('\nStopping.')
}
