/** Tasks that may wait before `ready` blocks. */
const MAX_WAITING = 256

/**
 * Runs tasks concurrently and delivers their results in the order in which the tasks were added.
 *
 * @param deliver receives each result, and whether no other task is waiting
 */
export function createOrderedQueue<Result>(
  concurrency: number,
  deliver: (result: Result, isLast: boolean) => Promise<void>,
) {
  let waiting = 0
  let running = 0
  let hasFailed = false
  let delivered: Promise<void> = Promise.resolve()
  const starts: (() => void)[] = []
  const freed: (() => void)[] = []

  const run = async (task: () => Promise<Result>): Promise<Result> => {
    if (running >= concurrency) await new Promise<void>((resolve) => starts.push(resolve))
    running += 1
    try {
      return await task()
    } finally {
      running -= 1
      starts.shift()?.()
    }
  }

  return {
    add: (task: () => Promise<Result>): void => {
      waiting += 1
      const result = run(task)
      result.catch(() => undefined)
      delivered = delivered.then(async () => {
        try {
          const value = await result
          await deliver(value, waiting === 1)
        } finally {
          waiting -= 1
          if (waiting < MAX_WAITING) freed.shift()?.()
        }
      })
      delivered.catch(() => {
        hasFailed = true
      })
    },
    /** Resolves when the queue can take another task. Rejects with the first failure. */
    ready: async (): Promise<void> => {
      if (waiting < MAX_WAITING && !hasFailed) return
      await Promise.race([new Promise<void>((resolve) => freed.push(resolve)), delivered])
    },
    /** Resolves when every result has been delivered. Rejects with the first failure. */
    drained: () => delivered,
  }
}
