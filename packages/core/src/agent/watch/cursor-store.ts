import { reasonOf } from '../../errors/error-reason.ts'
import type { Logger } from '../../logger.ts'
import type { StateStore } from '../../state/state-store.ts'

/** How far each watcher has read. */
export interface Cursors {
  /** Never rejects: what cannot be read counts as not saved. */
  read(watcher: string): Promise<string | undefined>
  /** Keeps a cursor, and writes it where there is a state directory. Never rejects: a disk that cannot be written costs only what a restart of the agent would find there. */
  save(watcher: string, cursor: string): Promise<void>
}

/** Cursors of one agent. Another agent that shares the state directory has its own: a cursor means nothing elsewhere. */
export function createCursors(state: StateStore, agentId: string, log: Logger): Cursors {
  const kept = new Map<string, string>()
  let writing: Promise<void> = Promise.resolve()
  let failed = false
  const key = (watcher: string): string => `cursor-${agentId}-${watcher}`

  const write = async (watcher: string, cursor: string): Promise<void> => {
    // A newer one has come meanwhile: its own turn follows.
    if (kept.get(watcher) !== cursor) return
    try {
      await state.write(key(watcher), cursor)
      failed = false
    } catch (error) {
      if (!failed)
        log.warn({ watcher }, `a cursor could not be saved, it does not outlive this run: ${reasonOf(error)}`)
      failed = true
    }
  }

  const readSaved = async (watcher: string): Promise<string | undefined> => {
    try {
      return await state.read(key(watcher))
    } catch (error) {
      log.warn({ watcher }, `a saved cursor could not be read, the watcher begins anew: ${reasonOf(error)}`)
      return undefined
    }
  }

  return {
    read: async (watcher) => kept.get(watcher) ?? (await readSaved(watcher)),
    save: (watcher, cursor) => {
      kept.set(watcher, cursor)
      writing = writing.then(() => write(watcher, cursor))
      return writing
    },
  }
}
