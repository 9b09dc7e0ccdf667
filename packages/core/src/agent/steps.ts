import { ownTurn } from '../pace.ts'

/** How long work goes on before everything else gets its turn, in milliseconds. */
const SLICE = 8

/** Steps between two looks at the clock: a look takes as long as a small step. */
const STEPS = 8

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

/** Does the work at once. */
export function atOnce<Result>(steps: Steps<never, Result>): Result {
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}
