/** Most tasks that wait before no more are taken. */
const ROOM = 256

/** Runs tasks side by side and hands on their results one after the other, in the order in which the tasks came. */
export interface InOrder<Result> {
  add(task: () => Promise<Result>): void
  /** Resolves when there is room for more. Rejects with the first failure. */
  room(): Promise<void>
  /** Resolves when all has been handed on. Rejects with the first failure. */
  settled(): Promise<void>
}

/**
 * @param take is given each result, and whether it is the last one for now
 */
export function createInOrder<Result>(
  concurrency: number,
  take: (result: Result, isLast: boolean) => Promise<void>,
): InOrder<Result> {
  let waiting = 0
  let running = 0
  let hasFailed = false
  let handedOn: Promise<void> = Promise.resolve()
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
    add: (task) => {
      waiting += 1
      const result = run(task)
      result.catch(() => undefined)
      handedOn = handedOn.then(async () => {
        try {
          const value = await result
          await take(value, waiting === 1)
        } finally {
          waiting -= 1
          if (waiting < ROOM) freed.shift()?.()
        }
      })
      handedOn.catch(() => {
        hasFailed = true
      })
    },
    room: async () => {
      if (waiting < ROOM && !hasFailed) return
      await Promise.race([new Promise<void>((resolve) => freed.push(resolve)), handedOn])
    },
    settled: () => handedOn,
  }
}
