/** Changes that are told before others have their turn: telling of a large cluster takes half a second. */
const SLICE = 250

/** Tells a listener of what is there, some at a time, and of what happens meanwhile once it has been told all that. */
export function replayed<Change>(
  there: Iterable<Change>,
  listener: (change: Change) => void,
): { readonly take: (change: Change) => void; stop(): void } {
  const initial = there[Symbol.iterator]()
  const waiting: Change[] = []
  let next: NodeJS.Immediate | undefined
  let isTold = false
  const tellSome = (): void => {
    for (let told = 0; told < SLICE; told += 1) {
      const one = initial.next()
      if (one.done === true) {
        isTold = true
        for (const change of waiting.splice(0)) listener(change)
        return
      }
      listener(one.value)
    }
    next = setImmediate(tellSome)
  }
  tellSome()
  return {
    take: (change) => {
      if (isTold) listener(change)
      else waiting.push(change)
    },
    stop: () => clearImmediate(next),
  }
}
