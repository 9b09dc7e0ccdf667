import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { ConnectorError, RcaError } from '@rca/core'
import type { ConnectorOfThread, ThreadFailure, ThreadMessage, ThreadRequest } from './connector-worker.ts'

/** Limits of a connector's code, in milliseconds. */
export interface ThreadTimes {
  /** Time for its module to load. A busy machine needs several seconds. */
  readonly loadMs: number
  /** Time for `deploy` to return. */
  readonly answerMs: number
  /** Time after which an idle thread ends. */
  readonly idleMs: number
}

/** Memory of a thread, in MiB. */
const MAX_MEMORY_MIB = 256

/** The thread of one connector. */
export interface ConnectorThread {
  /** Resolves when the connector is loaded. @throws {ConnectorError} if it cannot be loaded */
  readonly loaded: Promise<unknown>
  /** Sends a request after all earlier ones. @throws {ConnectorError} and the errors that the connector throws */
  ask(request: ThreadRequest): Promise<ThreadMessage>
  /** Ends the thread. Idempotent. */
  close(): Promise<void>
}

/**
 * Starts a thread for one connector, without environment variables. It ends when the connector's code hangs, throws
 * outside of a call or calls `process.exit`, and when it is idle. `onEnd` is called then.
 */
export function startConnectorThread(
  connector: ConnectorOfThread,
  times: ThreadTimes,
  onEnd: () => void,
): ConnectorThread {
  const worker = startWorker(connector)
  const loading = Promise.withResolvers<ThreadMessage>()
  let pending: PromiseWithResolvers<ThreadMessage> | undefined = loading
  let ending: Error | undefined
  let timer: NodeJS.Timeout | undefined

  const end = async (reason: Error): Promise<void> => {
    if (ending === undefined) {
      ending = reason
      clearTimeout(timer)
      pending?.reject(reason)
      onEnd()
    }
    await worker.terminate()
  }
  const blame = (problem: string): void =>
    void end(new ConnectorError(connector.name, `${problem.replace(/\.$/, '')}. Update or remove the package.`))
  const limit = (milliseconds: number, problem: string): void => {
    clearTimeout(timer)
    timer = setTimeout(() => blame(`${problem} within ${milliseconds / 1000} s`), milliseconds)
  }
  const idle = (): void => {
    pending = undefined
    clearTimeout(timer)
    // An idle thread does not keep the process alive.
    worker.unref()
    timer = setTimeout(() => void end(closed()), times.idleMs).unref()
  }

  limit(times.loadMs, 'its module did not load')
  worker.on('message', (message: ThreadMessage) => {
    if ('failure' in message && pending === loading) void end(toError(message.failure))
    else if ('failure' in message) pending?.reject(toError(message.failure))
    else pending?.resolve(message)
    if (ending === undefined) idle()
  })
  worker.on('error', (error: unknown) =>
    blame(`its code failed outside of a call: ${error instanceof Error ? error.message : String(error)}`),
  )
  worker.on('exit', (code) => blame(`its code ended its thread with exit code ${code}`))

  const start = (request: ThreadRequest): Promise<ThreadMessage> => {
    if (ending !== undefined) throw ending
    pending = Promise.withResolvers()
    limit(times.answerMs, request.plan === undefined ? 'its options were not described' : 'its `deploy` did not return')
    worker.ref()
    worker.postMessage(request)
    return pending.promise
  }
  let queue: Promise<unknown> = loading.promise
  return {
    loaded: loading.promise,
    ask: (request) => {
      const answer = queue.then(() => start(request))
      queue = answer.catch(() => undefined)
      return answer
    },
    close: () => end(closed()),
  }
}

function closed(): Error {
  return new Error('The thread of the connector was ended.')
}

function startWorker(connector: ConnectorOfThread): Worker {
  const extension = extname(import.meta.url)
  const worker = new Worker(new URL(`./connector-worker${extension}`, import.meta.url), {
    workerData: connector,
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: MAX_MEMORY_MIB },
    // Output of connectors is not part of that of the platform.
    stdout: true,
    stderr: true,
    // Sources find the sources of core.
    ...(extension === '.ts' ? { execArgv: ['--conditions=@rca/source'] } : {}),
  })
  worker.stdout.resume()
  worker.stderr.resume()
  return worker
}

function toError({ code, message, stack, issues }: ThreadFailure): Error {
  if (code === undefined) return new Error(message)
  const cause = stack === undefined ? undefined : Object.assign(new Error(message), { stack })
  const error = new RcaError(code, message, { cause })
  return issues === undefined ? error : Object.assign(error, { issues })
}
