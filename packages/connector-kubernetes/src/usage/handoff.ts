/** Passes items from concurrent producers to one consumer that iterates once, without a buffer. */
export function createHandoff<Item>() {
  const queue: { readonly item: Item; resolve(): void; reject(reason: Error): void }[] = []
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
    /** Resolves once the consumer has asked for the next item, and rejects once the consumer has left. */
    put: (item: Item) =>
      new Promise<void>((resolve, reject) => {
        if (state !== 'open') return reject(abandoned())
        queue.push({ item, resolve, reject })
        wake()
      }),
    /** Ends the iteration after the items that wait. */
    end: (): void => {
      state = 'ended'
      wake()
    },
  }
}
