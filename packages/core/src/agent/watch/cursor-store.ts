import { reasonOf } from '../../errors/error-reason.ts'
import type { Logger } from '../../logger.ts'
import type { StateStore } from '../../state/state-store.ts'

export type CursorStore = ReturnType<typeof createCursorStore>

/** Keeps the cursors of one agent. Agents that share a state directory have separate cursors. */
export function createCursorStore(state: StateStore, agentId: string, log: Logger) {
  const cursors = new Map<string, string>()
  let writing: Promise<void> = Promise.resolve()
  let isFailing = false
  let isUnreadable = false
  const key = (watcher: string): string => `cursor-${agentId}-${watcher}`

  const write = async (watcher: string, cursor: string): Promise<void> => {
    // Superseded: the write of the newer cursor is queued.
    if (cursors.get(watcher) !== cursor) return
    try {
      await state.write(key(watcher), cursor)
      isFailing = false
    } catch (error) {
      if (!isFailing) log.warn({ watcher, error: reasonOf(error) }, 'cursor not saved: it will not outlive this run')
      isFailing = true
    }
  }

  const readSaved = async (watcher: string): Promise<string | undefined> => {
    try {
      return await state.read(key(watcher))
    } catch (error) {
      // All watchers read at the same time, from the same directory.
      const level = isUnreadable ? 'debug' : 'warn'
      isUnreadable = true
      log[level]({ watcher, error: reasonOf(error) }, 'saved cursor not readable: the watcher starts from scratch')
      return undefined
    }
  }

  return {
    /** Returns the last saved cursor, `undefined` if there is none or it cannot be read. Never rejects. */
    read: async (watcher: string) => cursors.get(watcher) ?? (await readSaved(watcher)),
    /** Keeps a cursor and writes it to the state. Never rejects: unwritten, it is lost when the agent restarts. */
    save: (watcher: string, cursor: string): Promise<void> => {
      cursors.set(watcher, cursor)
      writing = writing.then(() => write(watcher, cursor))
      return writing
    },
  }
}
