import { type Connector, createAgent, type RawConfig } from '@rca/core'
import { CliError } from './cli-error.ts'

/** Signals of some rounds of all collectors. */
export type Observed = Awaited<ReturnType<ReturnType<typeof createAgent>['collectMetrics']>>['data']

/**
 * Runs every collector as an agent does, without a platform. Returns the signals of the last round.
 *
 * @throws {CliError} if the client cannot be opened, or an option is invalid
 */
export async function observe(connector: Connector, config: RawConfig, rounds = 1): Promise<Observed> {
  try {
    const agent = createAgent({ connector, platformUrl: 'http://127.0.0.1', agentToken: 'unused', config })
    try {
      for (let round = 1; round < rounds; round += 1) await agent.collectMetrics()
      return (await agent.collectMetrics()).data
    } finally {
      await agent.stop()
    }
  } catch (error) {
    throw new CliError(`${connector.title} cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

/** Returns a line for each kind of signal, and one for each gap. */
export function summaryOf({ entities, metrics, events, gaps }: Observed): string[] {
  const names = (list: readonly string[]): [string, number][] =>
    [...new Set(list)].sort().map((name) => [name, list.filter((other) => other === name).length])
  return [
    ...names(entities.filter((entity) => !isOfAgent(entity)).map(({ type }) => type)).map(
      ([name, count]) => `entity ${name}: ${count}`,
    ),
    ...names(metrics.filter(({ entity }) => !isOfAgent(entity)).map(({ name }) => name)).map(
      ([name, count]) => `metric ${name}: ${count}`,
    ),
    ...names(events.map(({ name }) => name)).map(([name, count]) => `event ${name}: ${count}`),
    ...gaps.map(({ scope, reason }) => `gap ${scope}: ${reason}`),
  ]
}

/** Returns whether an entity is the agent, whose signals about itself are the same for every connector. */
export function isOfAgent({ type }: { readonly type: string }): boolean {
  return type === 'rca.agent'
}
