/** Passes items from concurrent producers to one consumer, without a buffer. */
export interface Handoff<Item> extends AsyncIterable<Item> {
  /** Resolves once the consumer has asked for the next item, and rejects once the consumer has left. */
  put(item: Item): Promise<void>
  /** Ends the iteration after the items that wait. */
  end(): void
}

interface Waiting<Item> {
  readonly item: Item
  readonly resolve: () => void
  readonly reject: (reason: Error) => void
}

/** Creates a handoff for one iteration. */
export function createHandoff<Item>(): Handoff<Item> {
  const queue: Waiting<Item>[] = []
  let wake: () => void = () => undefined
  let state: 'open' | 'ended' | 'abandoned' = 'open'
  const abandoned = (): Error => new Error('the collector was closed before it had read everything')

  async function* take(): AsyncGenerator<Item, void> {
    try {
      for (;;) {
        const next = queue.shift()
        if (next !== undefined) {
          try {
            yield next.item
          } finally {
            next.resolve()
          }
        } else if (state === 'open') {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        } else return
      }
    } finally {
      if (state === 'open') state = 'abandoned'
      for (const { reject } of queue.splice(0)) reject(abandoned())
    }
  }
  return {
    [Symbol.asyncIterator]: take,
    put: (item) =>
      new Promise((resolve, reject) => {
        if (state !== 'open') return reject(abandoned())
        queue.push({ item, resolve, reject })
        wake()
      }),
    end: () => {
      state = 'ended'
      wake()
    },
  }
}
