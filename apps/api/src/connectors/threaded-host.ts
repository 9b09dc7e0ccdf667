import type { ConnectorDescription, JsonSchema, Registry, RegistryProblem } from '@rca/core'
import type { ConnectorHost } from './connector-host.ts'
import { type ConnectorThread, startConnectorThread, type ThreadTimes } from './connector-thread.ts'
import type { ThreadMessage, ThreadRequest } from './connector-worker.ts'

const DEFAULT_TIMES: ThreadTimes = { loadMs: 20_000, answerMs: 2_000, idleMs: 60_000 }

/** Time for which the list of types does not try a connector again that cannot be used. */
const RETRY_MS = 60_000

/**
 * Creates a host for installed connectors. Their code runs in a thread for each type, without environment variables: a
 * connector that hangs, throws, exits or changes prototypes costs its own type alone.
 *
 * @param searched files of the packages whose dependencies the registry has searched.
 */
export function createThreadedHost(
  registry: Registry,
  searched: readonly string[],
  times: ThreadTimes = DEFAULT_TIMES,
): ConnectorHost {
  const threads = new Map<string, ConnectorThread>()
  const options = new Map<string, JsonSchema>()
  const failures = new Map<string, { readonly problem: RegistryProblem; readonly until: number }>()

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

  const ask = async (type: string, request: ThreadRequest): Promise<ThreadMessage> =>
    (await threadOf(type)).ask(request)

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
      const { message } = error as Error
      const origin = registry.origin(type)
      if (origin !== undefined)
        failures.set(type, { problem: { ...origin, type, message }, until: performance.now() + RETRY_MS })
      throw error
    }
  }

  const describe = async (type: string): Promise<ConnectorDescription> => {
    const config = await optionsOf(type)
    const summary = registry.summaries().find((candidate) => candidate.type === type)
    return { ...(summary ?? { type, title: type, description: '' }), config }
  }

  return {
    problems: () => [...registry.problems, ...[...failures.values()].map(({ problem }) => problem)],
    describeAll: async () => {
      const described = registry.listSupportedTypes().map(async (type) => {
        if ((failures.get(type)?.until ?? 0) > performance.now()) return undefined
        return describe(type).catch(() => undefined)
      })
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
