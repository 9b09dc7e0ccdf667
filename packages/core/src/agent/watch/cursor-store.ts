import { reasonOf } from '../../errors/error-reason.ts'
import type { Logger } from '../../logger.ts'
import type { StateStore } from '../../state/state-store.ts'

export type CursorStore = ReturnType<typeof createCursorStore>

/**
 * Keeps the cursors of one agent, and writes them once the reports with everything before them are queued: watchers of
 * a killed agent emit again what it had not queued. Agents that share a state directory have separate cursors.
 */
export function createCursorStore(state: StateStore, agentId: string, log: Logger) {
  const cursors = new Map<string, string>()
  const unsaved = new Map<string, string>()
  let isFailing = false
  let isUnreadable = false
  const key = (watcher: string): string => `cursor-${agentId}-${watcher}`

  const write = async (watcher: string, cursor: string): Promise<void> => {
    try {
      await state.write(key(watcher), cursor)
      // Superseded in the meantime: the newer one waits for the next report.
      if (unsaved.get(watcher) === cursor) unsaved.delete(watcher)
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
    /** Keeps a cursor for this run. */
    keep: (watcher: string, cursor: string): void => {
      cursors.set(watcher, cursor)
      unsaved.set(watcher, cursor)
    },
    /**
     * Takes the cursors that are kept now. Returns a function that writes them to the state and never rejects. Cursors
     * that are not written are lost when the agent restarts.
     */
    take: (): (() => Promise<void>) => {
      const taken = [...unsaved]
      return async () => {
        for (const [watcher, cursor] of taken) await write(watcher, cursor)
      }
    },
  }
}
