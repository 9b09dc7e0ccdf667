import { fakePlatform, vary } from '@rca/connector-testkit'
import { type Connector, createAgent, type Logger, type RawConfig } from '@rca/core'
import type { Report } from '@rca/core/protocol'
import { CliError } from '../cli-error.ts'

/** A running agent that reports to this process. */
export interface LiveAgent {
  /** False while the client cannot be opened. The agent tries again. */
  connected(): boolean
  /** Returns the reports since the last call, and waits for one. Returns none once the signal has aborted. */
  reports(): Promise<readonly Report[]>
  /** Closes the client. Idempotent. */
  stop(): Promise<void>
}

/** Options of `startLiveAgent`. */
export interface LiveAgentOptions {
  readonly connector: Connector
  readonly config: RawConfig
  readonly logger: Logger
  /** Ends the agent, also one that is connecting. */
  readonly signal: AbortSignal
  /** Address to which the agent reports. */
  readonly onPlatform?: (url: string) => void | Promise<void>
}

/**
 * Starts an agent with collectors and watchers, as an operator would, that reports to this process. It takes part in no
 * election, and keeps no key: it changes nothing in what it watches. Resolves after the first attempt to connect.
 *
 * @throws {CliError} if an option is invalid
 */
export async function startLiveAgent(options: LiveAgentOptions): Promise<LiveAgent> {
  const { connector, config, logger, signal, onPlatform } = options
  const platform = await fakePlatform()
  const alone = vary(connector, { election: undefined, keyStore: undefined })
  try {
    await onPlatform?.(platform.url)
    const agent = createAgent({ connector: alone, platformUrl: platform.url, agentToken: 'unused', config, logger })
    signal.addEventListener('abort', () => void agent.stop(), { once: true })
    await agent.start()
    return {
      connected: () => agent.status().connected,
      reports: async () => {
        await Promise.race([platform.until(({ reports }) => reports.length > 0), aborted(signal)])
        return signal.aborted ? [] : platform.takeReports()
      },
      stop: async () => {
        await agent.stop()
        await platform.close()
      },
    }
  } catch (error) {
    await platform.close()
    throw new CliError(`${connector.title} cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
    if (signal.aborted) resolve()
  })
}
