/** How long a piece of work goes on before everything else gets its turn, in milliseconds. */
const SLICE = 5

/** What waits for a turn of its own. */
const waiting: (() => void)[] = []

/** Resolves in a turn of the event loop in which nothing else that waited here goes on: many pieces in one turn would be one long one. */
export function ownTurn(): Promise<void> {
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

/** Of work that may be long in a large cluster. */
export interface Pace {
  /** Whether it is time to wait for {@link next}. */
  isOver(): boolean
  next(): Promise<void>
}

/** Begins now. */
export function createPace(): Pace {
  let begun = performance.now()
  return {
    isOver: () => performance.now() - begun >= SLICE,
    next: async () => {
      await ownTurn()
      begun = performance.now()
    },
  }
}

/** The items one after the other, in slices. */
export async function* paced<Item>(items: Iterable<Item>): AsyncIterable<readonly Item[]> {
  const pace = createPace()
  let some: Item[] = []
  for (const item of items) {
    some.push(item)
    if (some.length < 25) continue
    yield some
    some = []
    if (pace.isOver()) await pace.next()
  }
  if (some.length > 0) yield some
}
