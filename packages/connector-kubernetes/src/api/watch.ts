import type { IncomingMessage } from 'node:http'
import { describeRequest, explained, KubernetesError, type RequestInfo } from './errors.ts'
import type { ApiResource, WatchEvent, WatchOptions } from './kubernetes-api.ts'
import { parseWithoutManagers } from './managed-fields.ts'
import { collectionPath } from './paths.ts'
import { acceptHeader, requestInfo } from './request.ts'
import type { Transport } from './transport.ts'
import { createEventReader } from './watch-decoder.ts'

/** How long a watch may be silent: servers send a bookmark every minute. */
const DEFAULT_SILENCE_MS = 90_000

/** Seconds after which the server is asked to end a watch. The next watch may reach another server. */
const LIFETIME_SECONDS = { min: 300, max: 600 }

/** Lifetime of a watch without bookmarks: it ends before its silence counts as a broken connection. */
const LIFETIME_WITHOUT_BOOKMARKS_SECONDS = { min: 40, max: 70 }

/** How long events are collected before they are passed on together. */
const BATCH_INTERVAL_MS = 250

/** Events are passed on without delay once so many bytes have arrived. */
const MAX_BATCH_BYTES = 128 * 1024

/** Watches a kind. Always rejects. */
export function watchResource(
  transport: Transport,
  resource: ApiResource,
  options: WatchOptions,
  signal: AbortSignal,
): Promise<never> {
  const request = requestInfo(transport, 'watch', { ...resource, namespace: options.namespace })
  const { min, max } = resource.hasNoBookmarks === true ? LIFETIME_WITHOUT_BOOKMARKS_SECONDS : LIFETIME_SECONDS
  const path = collectionPath(resource, options.namespace, {
    watch: 'true',
    resourceVersion: options.resourceVersion,
    allowWatchBookmarks: 'true',
    timeoutSeconds: String(Math.round(min + Math.random() * (max - min))),
  })
  return explained(request, signal, async () => {
    const answer = await transport.send({ request, path, signal, accept: acceptHeader(resource), isWatch: true })
    options.onOpen?.()
    // The listener may abort the signal.
    const onEvent = (event: WatchEvent): void => (signal.aborted ? undefined : options.onEvent(event))
    return followEvents(answer, request, { ...options, onEvent })
  })
}

/**
 * Passes on events in batches of a quarter of a second: single events each wake the process with cold caches and cost
 * three times as much. Always rejects: with the server's error, with `Silent`, with an error of `onEvent`, or with
 * `WatchEnded`, since servers end every watch after a while.
 */
function followEvents(
  answer: IncomingMessage,
  request: RequestInfo,
  { silence: silenceMs = DEFAULT_SILENCE_MS, withManagers, onEvent }: WatchOptions,
): Promise<never> {
  const reader = createEventReader(request, withManagers === true ? JSON.parse : parseWithoutManagers)
  const silence = limitSilence(answer, request, silenceMs)
  const flush = (): void => reader.take(onEvent)
  const batch = createBatch(answer, flush)
  const following = new Promise<never>((_resolve, reject) => {
    answer.once('error', reject)
    answer.once('close', () => reject(watchEnded(request)))
    answer.once('end', () => {
      try {
        flush()
        reject(watchEnded(request))
      } catch (error) {
        reject(error)
      }
    })
    answer.on('data', (chunk: Buffer) => {
      silence.reset()
      try {
        reader.add(chunk)
        batch.add(chunk.length, reject)
      } catch (error) {
        reject(error)
      }
    })
  })
  return following.finally(() => {
    batch.stop()
    silence.stop()
    answer.destroy()
  })
}

/** Leaves data in the socket while a batch is collected. */
function createBatch(answer: IncomingMessage, flush: () => void) {
  let bytes = 0
  let isCollecting = false
  let isStopped = false
  let timer: NodeJS.Timeout | undefined
  const finish = (fail: (error: unknown) => void): void => {
    isCollecting = false
    bytes = 0
    try {
      flush()
      answer.resume()
    } catch (error) {
      fail(error)
    }
  }
  return {
    add: (size: number, fail: (error: unknown) => void): void => {
      bytes += size
      if (isCollecting) return
      isCollecting = true
      // After all data that has already arrived is read.
      setImmediate(() => {
        if (isStopped) return
        if (bytes >= MAX_BATCH_BYTES) return finish(fail)
        answer.pause()
        timer = setTimeout(finish, BATCH_INTERVAL_MS, fail)
      })
    },
    stop: (): void => {
      isStopped = true
      clearTimeout(timer)
    },
  }
}

/**
 * Destroys an answer that is silent. A server sends no bookmarks for a kind that has not changed since the server
 * started: silence from the beginning may be correct, and a list shows whether it is. Later silence is a broken
 * connection.
 */
function limitSilence(answer: IncomingMessage, request: RequestInfo, silenceMs: number) {
  let hasData = false
  const end = (): void => void answer.destroy(silent(request, silenceMs, hasData))
  const timer = setTimeout(end, silenceMs)
  return {
    reset: (): void => {
      hasData = true
      timer.refresh()
    },
    stop: (): void => clearTimeout(timer),
  }
}

function watchEnded(request: RequestInfo): KubernetesError {
  return new KubernetesError(`The server ended its answer while ${describeRequest(request)}`, { reason: 'WatchEnded' })
}

function silent(request: RequestInfo, silenceMs: number, hasData: boolean): KubernetesError {
  return new KubernetesError(
    `No data for ${silenceMs / 1000} s while ${describeRequest(request)}: the connection was cut, or the server hangs`,
    { reason: hasData ? 'Silent' : 'SilentFromStart' },
  )
}
