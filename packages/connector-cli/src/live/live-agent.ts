import { fakePlatform, vary } from '@rca/connector-testkit'
import {
  type Agent,
  type Connector,
  createAgent,
  type Logger,
  type RawConfig,
  silentLogger,
  toTerminalLine,
} from '@rca/core'
import { CliError } from '../cli-error.ts'
import { createReportChanges } from './report-changes.ts'

/** A running agent that reports to this process. */
export interface LiveAgent {
  /** Prints what each report changes until the signal aborts, or until one report is printed. */
  printReports(signal: AbortSignal, isOnce?: boolean): Promise<void>
  /** Closes the client. Idempotent. */
  stop(): Promise<void>
}

/** Options of `startLiveAgent`. */
export interface LiveAgentOptions {
  readonly connector: Connector
  readonly config: RawConfig
  /** Prints warnings, and what each report changes. */
  print(line: string): void
  /** Ends the agent, also one that is connecting. @default it ends with `stop` alone */
  readonly signal?: AbortSignal
  /** Lets a failure to connect reject. @default the agent tries again */
  readonly needsConnection?: boolean
  /** Address to which the agent reports. */
  readonly onPlatform?: (url: string) => void | Promise<void>
}

/**
 * Starts an agent with collectors and watchers, as an operator would, that reports to this process. It takes part in no
 * election, and keeps no key: it changes nothing in what it watches. Resolves after the first attempt to connect.
 *
 * @throws {CliError} if an option is invalid, or the client cannot be opened and `needsConnection` is set
 */
export async function startLiveAgent(options: LiveAgentOptions): Promise<LiveAgent> {
  const { connector, config, print, signal, needsConnection = false, onPlatform } = options
  const platform = await fakePlatform()
  const alone = vary(connector, { election: undefined, keyStore: undefined })
  let agent: Agent | undefined
  const stop = async (): Promise<void> => {
    await agent?.stop()
    await platform.close()
  }
  try {
    await onPlatform?.(platform.url)
    const logger = warningsTo(print)
    agent = createAgent({ connector: alone, platformUrl: platform.url, agentToken: 'unused', config, logger })
    signal?.addEventListener('abort', () => void agent?.stop(), { once: true })
    await agent.start()
    if (needsConnection && !agent.status().connected) throw new Error('see the warning above')
  } catch (error) {
    await stop()
    throw new CliError(`${connector.title} cannot be read: ${(error as Error).message}`, { cause: error })
  }
  const changesOf = createReportChanges()
  return {
    stop,
    printReports: async (until, isOnce = false) => {
      for (;;) {
        await Promise.race([platform.until(({ reports }) => reports.length > 0), aborted(until)])
        if (until.aborted) return
        for (const report of platform.takeReports()) {
          const changes = changesOf(report)
          print(`${report.timestamp.slice(11, 19)}  ${changes.length === 0 ? 'nothing changed' : ''}`.trimEnd())
          for (const change of changes) print(change)
          if (isOnce) return
        }
      }
    },
  }
}

function warningsTo(print: (line: string) => void): Logger {
  const warn: Logger['warn'] = (fields, message) => {
    const { error, collector, watcher } = fields
    // The next report has a gap for it.
    if (error !== undefined && (collector ?? watcher) !== undefined) return
    print(toTerminalLine(`  WARNING  ${typeof error === 'string' ? `${message}: ${error}` : message}`))
  }
  return { ...silentLogger, warn, error: warn }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
    if (signal.aborted) resolve()
  })
}
