import { setTimeout } from 'node:timers/promises'

/** The engine sends the events that it remembers at once: after this silence, the next event is a new one. */
const IDLE_TIMEOUT_MS = 300

/** A busy stream never falls silent: after this many items, the rest counts as new. */
const MAX_DRAINED_ITEMS = 2_000

/** Starts to read a stream, whose backlog can be read separately from its new items. */
export function openDrainable<Item>(items: AsyncIterable<Item>) {
  const iterator = items[Symbol.asyncIterator]()
  let pending: Promise<IteratorResult<Item>> | undefined
  const ahead = (): Promise<IteratorResult<Item>> => {
    if (pending === undefined) {
      pending = iterator.next()
      // The next reader receives the failure.
      pending.catch(() => undefined)
    }
    return pending
  }
  void ahead()
  return {
    /** Returns the next item; `undefined` at the end. */
    next: async (): Promise<Item | undefined> => {
      const item = await ahead()
      pending = undefined
      return item.done === true ? undefined : item.value
    },
    /** Reads items until none arrives for a while. Rejects with the failure of the stream. */
    drain: async (take: (item: Item) => void): Promise<void> => {
      for (let count = 0; count < MAX_DRAINED_ITEMS; count += 1) {
        const item = await orIdle(ahead())
        if (item === undefined || item.done === true) return
        pending = undefined
        take(item.value)
      }
    },
  }
}

async function orIdle<Result>(result: Promise<Result>): Promise<Result | undefined> {
  const received = new AbortController()
  const idle = setTimeout(IDLE_TIMEOUT_MS, undefined, { signal: received.signal }).catch(() => undefined)
  try {
    return await Promise.race([result, idle])
  } finally {
    received.abort()
  }
}
