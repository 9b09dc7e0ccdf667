/** Changes that are told before others have their turn: telling of a large cluster takes half a second. */
const SLICE = 250

/** Tells a listener of what is there, some at a time, and of what happens meanwhile once it has been told all that. */
export function replayed<Change>(
  there: readonly Change[],
  listener: (change: Change) => void,
): { readonly take: (change: Change) => void; stop(): void } {
  const waiting = [...there]
  let told = 0
  let next: NodeJS.Immediate | undefined
  const tellSome = (): void => {
    next = undefined
    for (const end = Math.min(told + SLICE, waiting.length); told < end; told += 1) listener(waiting[told] as Change)
    if (told < waiting.length) next = setImmediate(tellSome)
    else waiting.length = told = 0
  }
  tellSome()
  return {
    take: (change) => {
      if (next === undefined) listener(change)
      else waiting.push(change)
    },
    stop: () => clearImmediate(next),
  }
}
