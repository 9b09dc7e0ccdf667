import { createTimeSlice } from '@rca/core/connector'

/** Passes existing objects to a listener some at a time, and then the changes that happened meanwhile. */
export function replayed<Change>(
  existing: Iterable<Change>,
  listener: (change: Change) => void,
): { readonly take: (change: Change) => void; stop(): void } {
  const waiting: Change[] = []
  let state: 'replaying' | 'live' | 'stopped' = 'replaying'
  const replay = async (): Promise<void> => {
    const slice = createTimeSlice()
    for (const change of existing) {
      if (slice.isOver()) await slice.next()
      if (state === 'stopped') return
      listener(change)
    }
    state = 'live'
    for (const change of waiting.splice(0)) listener(change)
  }
  void replay()
  return {
    take: (change) => {
      if (state === 'live') listener(change)
      else waiting.push(change)
    },
    stop: () => {
      state = 'stopped'
    },
  }
}
