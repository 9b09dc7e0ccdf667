import { createTimeSlice } from '@rca/core/connector'

/** Tells a listener of what is there, some at a time, and of what happens meanwhile once it has been told all that. */
export function replayed<Change>(
  there: Iterable<Change>,
  listener: (change: Change) => void,
): { readonly take: (change: Change) => void; stop(): void } {
  const waiting: Change[] = []
  let state: 'telling' | 'told' | 'stopped' = 'telling'
  const tell = async (): Promise<void> => {
    const slice = createTimeSlice()
    for (const change of there) {
      if (slice.isOver()) await slice.next()
      if (state === 'stopped') return
      listener(change)
    }
    state = 'told'
    for (const change of waiting.splice(0)) listener(change)
  }
  void tell()
  return {
    take: (change) => {
      if (state === 'told') listener(change)
      else waiting.push(change)
    },
    stop: () => {
      state = 'stopped'
    },
  }
}
