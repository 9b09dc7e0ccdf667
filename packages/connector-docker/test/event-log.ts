import type { EngineApi, EngineEvent } from '../src/engine/engine-api.ts'

/** The engine's side of its event stream: what it remembers, and who listens. */
export interface EventLog {
  /** As the engine's API is asked. */
  readonly events: EngineApi['events']
  /** Since when events were asked for, each time. */
  readonly asked: (string | undefined)[]
  /** When the newest event happened, in nanoseconds since 1970. */
  newest(): bigint
  /** Something happens: it is remembered, and told to whoever listens. */
  tell(...events: readonly EngineEvent[]): void
  /** The streams break, such as when the engine stops. What it remembers stays. */
  break(error: Error): void
  /** What an engine does that was restarted. */
  forget(): void
}

interface Listener {
  readonly queue: EngineEvent[]
  wake(): void
  failure: Error | undefined
}

/** An engine that remembers these events. */
export function eventLog(events: readonly EngineEvent[] = []): EventLog {
  let remembered = [...events]
  const listeners = new Set<Listener>()
  const asked: (string | undefined)[] = []
  const newestOf = (some: readonly EngineEvent[], before: bigint): bigint =>
    some.reduce((newest, { timeNano }) => (BigInt(timeNano) > newest ? BigInt(timeNano) : newest), before)
  let newest = newestOf(events, 0n)
  return {
    asked,
    newest: () => newest,
    events: (since, signal) => {
      asked.push(since)
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
    tell: (...told) => {
      remembered.push(...told)
      newest = newestOf(told, newest)
      for (const listener of listeners) {
        listener.queue.push(...told)
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
