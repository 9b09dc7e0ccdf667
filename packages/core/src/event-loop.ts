/** Time for which work may block the event loop before it yields, in milliseconds. */
const TIME_SLICE_MS = 5

/** Steps between two readings of the clock: a reading costs as much as a small step. */
const STEPS_PER_CLOCK_READING = 8

const CHUNK_SIZE = 25

const queue: (() => void)[] = []

/** Resumes at most one caller per turn of the event loop: several in the same turn would block it together. */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => {
    queue.push(resolve)
    if (queue.length === 1) setImmediate(resumeNext)
  })
}

function resumeNext(): void {
  queue[0]?.()
  // The resumed work runs in the microtasks after this function: the next caller has to wait for another turn.
  setImmediate(() => {
    queue.shift()
    if (queue.length > 0) resumeNext()
  })
}

/** Measures how long work has blocked the event loop. */
export interface TimeSlice {
  /** Returns true when the work should wait for {@link next}. */
  isOver(): boolean
  /** Yields to the event loop and begins another slice. */
  next(): Promise<void>
}

/** Begins a time slice of 5 ms, for work that may be long in a large environment. */
export function createTimeSlice(): TimeSlice {
  let begin = performance.now()
  return {
    isOver: () => performance.now() - begin >= TIME_SLICE_MS,
    next: async () => {
      await yieldToEventLoop()
      begin = performance.now()
    },
  }
}

/** Yields the items in small chunks, and yields to the event loop in between when a time slice is over. */
export async function* inTimeSlices<Item>(items: Iterable<Item>): AsyncIterable<readonly Item[]> {
  const slice = createTimeSlice()
  let chunk: Item[] = []
  for (const item of items) {
    chunk.push(item)
    if (chunk.length < CHUNK_SIZE) continue
    yield chunk
    chunk = []
    if (slice.isOver()) await slice.next()
  }
  if (chunk.length > 0) yield chunk
}

/** A task that may be interrupted at every `yield`. It yields a value that is ready, or `undefined`. */
export type InterruptibleTask<Value, Result = void> = Generator<Value | undefined, Result, void>

/** Runs a task in time slices, so that other work is served in between. Resumes it after `onValue` resolved. */
export async function runInTimeSlices<Value, Result>(
  task: InterruptibleTask<Value, Result>,
  onValue?: (value: Value) => Promise<void>,
): Promise<Result> {
  const slice = createTimeSlice()
  for (let step = 1; ; step += 1) {
    const { done, value } = task.next()
    if (done === true) return value
    if (value !== undefined) await onValue?.(value)
    if (step % STEPS_PER_CLOCK_READING === 0 && slice.isOver()) await slice.next()
  }
}

/** Runs a task to its end without yielding to the event loop. */
export function runToEnd<Result>(task: InterruptibleTask<never, Result>): Result {
  for (;;) {
    const { done, value } = task.next()
    if (done === true) return value
  }
}
