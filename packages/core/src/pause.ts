/** Longest time that a timer of Node.js can wait, in milliseconds (24 days): a longer one fires at once. */
export const LONGEST_TIMER: number = 2 ** 31 - 1

/** Waits so many milliseconds, at most {@link LONGEST_TIMER}. Returns early when `signal` aborts; never rejects. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, Math.min(milliseconds, LONGEST_TIMER))
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
  })
}

/** Waits for a promise, but at most so many milliseconds. Never rejects. Its timer holds the process: an agent that stops must get to the end of it. */
export async function settled(promise: Promise<unknown> | undefined, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const tooLong = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.min(milliseconds, LONGEST_TIMER))
  })
  await Promise.race([promise?.catch(() => undefined), tooLong])
  clearTimeout(timer)
}
