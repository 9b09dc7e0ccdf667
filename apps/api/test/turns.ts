/** Measures how long a turn of the event loop occupies the thread. */
export interface TurnMeter {
  /** Returns the longest turn since the last call, with the current one, in milliseconds of CPU time of this thread. */
  longest(): number
  stop(): void
}

/** Begins to measure turns. CPU time does not count other processes of a busy machine. */
export function measureTurns(): TurnMeter {
  const cpu = (): number => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1000
  }
  let last = cpu()
  let longest = 0
  let isStopped = false
  const turn = (): void => {
    const now = cpu()
    longest = Math.max(longest, now - last)
    last = now
    if (!isStopped) setImmediate(turn)
  }
  setImmediate(turn)
  return {
    longest: () => {
      const found = Math.max(longest, cpu() - last)
      longest = 0
      last = cpu()
      return found
    },
    stop: () => {
      isStopped = true
    },
  }
}
