/** How long work goes on before everything else gets its turn, in milliseconds. */
const SLICE = 8

/** Steps between two looks at the clock: a look takes as long as a small step. */
const STEPS = 8

/** Work that waits for its turn. */
const waiting: (() => void)[] = []

/** Work that can be interrupted wherever it yields. What it yields on the way is `undefined`, or something that is ready. */
export type Steps<Ready, Result = void> = Generator<Ready | undefined, Result, void>

/** Does the work in slices, so that heartbeats, watchers and probes get their turn in between. What is ready is handed over before the work goes on. */
export async function inSlices<Ready, Result>(
  steps: Steps<Ready, Result>,
  onReady?: (ready: Ready) => Promise<void>,
): Promise<Result> {
  let begun = performance.now()
  for (let step = 1; ; step += 1) {
    const { done, value } = steps.next()
    if (done === true) return value
    if (value !== undefined) await onReady?.(value)
    if (step % STEPS !== 0 || performance.now() - begun < SLICE) continue
    await ownTurn()
    begun = performance.now()
  }
}

/** Resolves in a turn of the event loop in which no other work goes on: slices of several in one turn would be one long one. */
function ownTurn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve)
    if (waiting.length === 1) setImmediate(goOn)
  })
}

function goOn(): void {
  waiting[0]?.()
  // Behind what it does now, which begins once this has returned.
  setImmediate(() => {
    waiting.shift()
    if (waiting.length > 0) goOn()
  })
}

/** Does the work at once. */
export function atOnce<Result>(steps: Steps<never, Result>): Result {
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}
