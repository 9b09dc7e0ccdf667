import type { EngineApi, EngineEvent } from '../src/engine/engine-api.ts'

/** The engine's side of the event stream: remembered events and listeners. */
export interface EventLog {
  /** The `events` request of the engine API. */
  readonly events: EngineApi['events']
  /** `since` of each request. */
  readonly requests: (string | undefined)[]
  /** Returns the time of the newest event, in nanoseconds since 1970. */
  newest(): bigint
  /** Remembers events and sends them to all listeners. */
  send(...events: readonly EngineEvent[]): void
  /** Breaks the streams, as when the engine stops. Keeps the remembered events. */
  break(error: Error): void
  /** Forgets the remembered events, like a restarted engine. */
  forget(): void
}

interface Listener {
  readonly queue: EngineEvent[]
  wake(): void
  failure: Error | undefined
}

/** Creates an engine that remembers these events. */
export function eventLog(events: readonly EngineEvent[] = []): EventLog {
  let remembered = [...events]
  const listeners = new Set<Listener>()
  const requests: (string | undefined)[] = []
  const newestOf = (some: readonly EngineEvent[], before: bigint): bigint =>
    some.reduce((newest, { timeNano }) => (BigInt(timeNano) > newest ? BigInt(timeNano) : newest), before)
  let newest = newestOf(events, 0n)
  return {
    requests,
    newest: () => newest,
    events: (since, signal) => {
      requests.push(since)
      const from = since === undefined ? 0n : BigInt(since.replace('.', ''))
      const listener: Listener = {
        queue: remembered.filter(({ timeNano }) => BigInt(timeNano) >= from),
        wake: () => undefined,
        failure: undefined,
      }
      listeners.add(listener)
      signal.addEventListener('abort', () => listener.wake())
      return listen(listener, signal)
    },
    send: (...reported) => {
      remembered.push(...reported)
      newest = newestOf(reported, newest)
      for (const listener of listeners) {
        listener.queue.push(...reported)
        listener.wake()
      }
    },
    break: (error) => {
      for (const listener of listeners) {
        listener.failure = error
        listener.wake()
      }
      listeners.clear()
    },
    forget: () => {
      remembered = []
    },
  }
}

async function* listen(listener: Listener, signal: AbortSignal): AsyncIterable<EngineEvent> {
  while (!signal.aborted) {
    const event = listener.queue.shift()
    if (event !== undefined) yield event
    else if (listener.failure !== undefined) throw listener.failure
    else
      await new Promise<void>((resolve) => {
        listener.wake = resolve
      })
  }
}
