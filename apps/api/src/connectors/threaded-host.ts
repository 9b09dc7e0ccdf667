import type { ConnectorDescription, JsonSchema, Registry, RegistryProblem } from '@rca/core'
import type { ConnectorHost } from './connector-host.ts'
import { type ConnectorThread, startConnectorThread, type ThreadTimes } from './connector-thread.ts'
import type { ThreadMessage, ThreadRequest } from './connector-worker.ts'

const DEFAULT_TIMES: HostTimes = { loadMs: 20_000, answerMs: 2_000, idleMs: 60_000, retryMs: 60_000 }

/** Times of a host, in milliseconds. */
export interface HostTimes extends ThreadTimes {
  /** Time for which a connector that cannot be loaded or described is not tried again. */
  readonly retryMs: number
}

interface LoadFailure {
  readonly error: Error
  /** Monotonic time at which the connector is tried again. */
  readonly until: number
}

/**
 * Creates a host for installed connectors. Their code runs in a thread for each type, without environment variables: a
 * connector that hangs, throws, exits or changes prototypes costs its own type alone.
 *
 * @param searched files of the packages whose dependencies the registry has searched.
 */
export function createThreadedHost(
  registry: Registry,
  searched: readonly string[],
  times: HostTimes = DEFAULT_TIMES,
): ConnectorHost {
  const threads = new Map<string, ConnectorThread>()
  const options = new Map<string, JsonSchema>()
  const failures = new Map<string, LoadFailure>()

  const rethrowRecent = (type: string): void => {
    const failure = failures.get(type)
    if (failure !== undefined && failure.until > performance.now()) throw failure.error
  }
  const remember = (type: string, error: unknown): void => {
    if (registry.origin(type) !== undefined && error instanceof Error)
      failures.set(type, { error, until: performance.now() + times.retryMs })
  }

  const threadOf = async (type: string): Promise<ConnectorThread> => {
    const origin = registry.origin(type)
    // Rejects without loading anything.
    if (origin === undefined) await registry.connector(type)
    const running = threads.get(type)
    if (running !== undefined) return running
    const name = `of ${origin?.package}@${origin?.version}`
    const thread = startConnectorThread({ type, name, searched }, times, () => threads.delete(type))
    threads.set(type, thread)
    return thread
  }

  const ask = async (type: string, request: ThreadRequest): Promise<ThreadMessage> => {
    rethrowRecent(type)
    const thread = await threadOf(type)
    try {
      await thread.loaded
    } catch (error) {
      remember(type, error)
      throw error
    }
    failures.delete(type)
    return thread.ask(request)
  }

  const askOptions = async (type: string): Promise<JsonSchema> => {
    const answer = await ask(type, {})
    if (!('options' in answer)) throw new TypeError(`The thread of \`${type}\` sent another answer.`)
    return answer.options
  }

  const optionsOf = async (type: string): Promise<JsonSchema> => {
    const known = options.get(type)
    if (known !== undefined) return known
    try {
      const found = (await registry.staticDescription(type))?.config ?? (await askOptions(type))
      options.set(type, found)
      failures.delete(type)
      return found
    } catch (error) {
      // One that was remembered is not remembered for longer.
      if (failures.get(type)?.error !== error) remember(type, error)
      throw error
    }
  }

  const describe = async (type: string): Promise<ConnectorDescription> => {
    const config = await optionsOf(type)
    const summary = registry.summaries().find((candidate) => candidate.type === type)
    return { ...(summary ?? { type, title: type, description: '' }), config }
  }

  return {
    problems: () => [
      ...registry.problems,
      ...[...failures].map(([type, { error }]): RegistryProblem => {
        const { package: name = type, version = '' } = registry.origin(type) ?? {}
        return { package: name, version, type, message: error.message }
      }),
    ],
    describeAll: async () => {
      const described = registry.listSupportedTypes().map((type) => describe(type).catch(() => undefined))
      return (await Promise.all(described)).filter((description) => description !== undefined)
    },
    describe,
    plan: async (type, request) => {
      const answer = await ask(type, { plan: request })
      if (!('plan' in answer)) throw new TypeError(`The thread of \`${type}\` sent another answer.`)
      return answer.plan
    },
    close: async () => {
      await Promise.all([...threads.values()].map((thread) => thread.close()))
    },
  }
}
