import { setTimeout } from 'node:timers/promises'

/** How long a stream may be silent before what it remembered counts as told, in milliseconds: the engine sends that at once. */
const SILENCE = 300

/** A busy stream never falls silent: what it tells after so many is new. */
const MOST = 2_000

/** A stream that can also be read until it has nothing more to say for now. */
export interface PatientStream<Item> {
  /** The next item; `undefined` at the end. */
  next(): Promise<Item | undefined>
  /** Hands on what comes until nothing comes for a while. Rejects with what the stream failed with. */
  untilSilence(take: (item: Item) => void): Promise<void>
}

/** Opens the stream: it is read from now on. */
export function openPatiently<Item>(items: AsyncIterable<Item>): PatientStream<Item> {
  const iterator = items[Symbol.asyncIterator]()
  let pending: Promise<IteratorResult<Item>> | undefined
  const ahead = (): Promise<IteratorResult<Item>> => {
    if (pending === undefined) {
      pending = iterator.next()
      // Whoever waits for it next is told.
      pending.catch(() => undefined)
    }
    return pending
  }
  void ahead()
  return {
    next: async () => {
      const item = await ahead()
      pending = undefined
      return item.done === true ? undefined : item.value
    },
    untilSilence: async (take) => {
      for (let count = 0; count < MOST; count += 1) {
        const item = await orSilence(ahead())
        if (item === undefined || item.done === true) return
        pending = undefined
        take(item.value)
      }
    },
  }
}

async function orSilence<Result>(result: Promise<Result>): Promise<Result | undefined> {
  const spoken = new AbortController()
  const silence = setTimeout(SILENCE, undefined, { signal: spoken.signal }).catch(() => undefined)
  try {
    return await Promise.race([result, silence])
  } finally {
    spoken.abort()
  }
}
