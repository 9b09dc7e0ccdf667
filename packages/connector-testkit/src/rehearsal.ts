import { parseConfig, type RawConfig } from '@rca/core'
import type { Identity } from '@rca/core/testing'
import { reasonOf } from '@rca/core/testing'
import { startCandidate } from './candidate.ts'
import { type ProcessRecord, withProcessMonitor } from './process-monitor.ts'
import type { Scenario, ScenarioSystem } from './scenario.ts'
import {
  type CheckSession,
  NotConnectedError,
  openSession,
  optionsOf,
  type Round,
  type SessionOptions,
  settlesWithin,
  type WatcherRecord,
} from './session.ts'

/** Record of one connection. */
export interface ConnectionRecord {
  /** Absent if `identify` failed. */
  readonly identity?: Identity
  readonly identityError?: string
  readonly rounds: readonly Round[]
  readonly watchers: ReadonlyMap<string, WatcherRecord>
}

/** Record of a connector in a scenario in which nothing fails. */
export interface Rehearsal {
  readonly scenario: Scenario
  readonly name: string
  readonly startedAt: Date
  readonly options: RawConfig
  /** Why `connect` failed. */
  readonly connectError?: unknown
  /** Two connections, one after the other, or none after a failed `connect`. */
  readonly connections: readonly ConnectionRecord[]
  /** Ends of both calls for the first connection. */
  readonly disconnect: { readonly ended: boolean; readonly error?: unknown; readonly secondError?: unknown }
  /** Resources that were open after the first connection was closed. */
  readonly leaked: readonly string[]
  readonly requests: number | undefined
  /** Permissions that the system saw used. Absent if it does not say, or nothing connected. */
  readonly permissions?: readonly string[]
  readonly process: ProcessRecord
  /** Texts that left the connector: log lines and errors. */
  readonly texts: readonly string[]
  /** Secrets in options, and those that the system showed. */
  readonly secrets: readonly string[]
  /** Values of variables, arguments and headers that the system showed. */
  readonly environment: readonly string[]
}

const ROUNDS = 2

/** Runs a connector through a scenario twice, as two agents one after the other would, and records what it does. */
export async function rehearse(given: Omit<SessionOptions, 'system'>, name: string): Promise<Rehearsal> {
  const system = await given.scenario.start?.()
  try {
    return await withProcessMonitor(async (monitor) => {
      const options = { ...given, system }
      const texts: string[] = []
      const startedAt = new Date(given.scenario.at ?? Date.now())
      const shared = {
        scenario: given.scenario,
        name,
        startedAt,
        options: optionsOf(options),
        process: monitor,
        texts,
        secrets: secretsOf(options),
        environment: system?.environment ?? [],
      }
      let first: CheckSession
      try {
        first = await monitor.run(() => openSession(options))
      } catch (error) {
        if (!(error instanceof NotConnectedError)) throw error
        texts.push(reasonOf(error.cause))
        return {
          ...shared,
          connectError: error.cause,
          connections: [],
          disconnect: { ended: true },
          leaked: [],
          requests: 0,
        }
      }
      const before = system?.requests?.()
      const one = await monitor.run(() => useSession(first, options, texts))
      const requests = before === undefined ? undefined : ((one.requestsAfterRounds ?? before) - before) / ROUNDS
      await monitor.run(() => leadOnce(first, given))
      const disconnect = await monitor.run(() => close(first, given))
      const leaked = await openAfter(monitor.openResources, given.patienceMs)
      const again = await monitor.run(async () => {
        const second = await openSession(options)
        const record = await useSession(second, options, texts)
        await second.disconnect()
        return record
      })
      const used = system?.permissions?.()
      const permissions = used === undefined ? {} : { permissions: [...new Set(used)] }
      return { ...shared, connections: [one, again], disconnect, leaked, requests, ...permissions }
    })
  } finally {
    await system?.close()
  }
}

async function useSession(
  session: CheckSession,
  { system }: { readonly system: ScenarioSystem | undefined },
  texts: string[],
): Promise<ConnectionRecord & { readonly requestsAfterRounds: number | undefined }> {
  const identified = await session.identify().then(
    (identity) => ({ identity }),
    (error: unknown) => ({ identityError: reasonOf(error) }),
  )
  const rounds: Round[] = []
  for (let count = 0; count < ROUNDS; count += 1) rounds.push(await session.round())
  const requestsAfterRounds = system?.requests?.()
  const watchers = await session.watch({ act: system?.act, actEvents: system?.actEvents })
  texts.push(...session.logged())
  for (const { error } of rounds.flatMap((round) => [...round.values()])) if (error !== undefined) texts.push(error)
  for (const { error } of watchers.values()) if (error !== undefined) texts.push(reasonOf(error))
  return { ...identified, rounds, watchers, requestsAfterRounds }
}

/** Leads, if the connector has an election, and stops. `ELE-one` reports a failure. */
async function leadOnce(
  session: CheckSession,
  { connector, patienceMs }: Pick<SessionOptions, 'connector' | 'patienceMs'>,
): Promise<void> {
  if (connector.election === undefined) return
  const candidate = startCandidate(connector, session, 'agent-1')
  await settlesWithin(candidate.promoted, patienceMs)
  await settlesWithin(candidate.stop(), patienceMs)
}

async function close(
  { client }: CheckSession,
  { connector, patienceMs }: Pick<SessionOptions, 'connector' | 'patienceMs'>,
): Promise<Rehearsal['disconnect']> {
  const errorOf = async (): Promise<{ ended: boolean; error?: unknown }> => {
    let failure: { error: unknown } | undefined
    const closing = Promise.resolve()
      .then(() => connector.disconnect?.(client))
      .catch((error: unknown) => {
        failure = { error }
      })
    const ended = await settlesWithin(closing, patienceMs)
    return { ended, ...failure }
  }
  const first = await errorOf()
  if (!first.ended) return first
  const second = await errorOf()
  return second.error === undefined ? first : { ...first, secondError: second.error }
}

/** Waits for resources to close: sockets and processes do so in later turns. */
async function openAfter(openResources: () => string[], patienceMs: number): Promise<string[]> {
  const end = performance.now() + patienceMs
  while (openResources().length > 0 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 5))
  return openResources()
}

function secretsOf(options: SessionOptions): string[] {
  const { secrets } = parseConfig(options.connector, optionsOf(options))
  return [...new Set([...secrets, ...(options.system?.secrets ?? [])])]
}
