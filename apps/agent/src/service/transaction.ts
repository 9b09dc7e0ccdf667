type Action = () => void | Promise<void>

/** Changes of the machine that are undone together, or only printed. */
export interface Transaction {
  readonly isDryRun: boolean
  /** Makes a change, and keeps how to undo it. A dry run prints the description instead. */
  change(description: string, apply: Action, undo?: Action): Promise<void>
  /** Adds something to do after everything else was undone. Call it before the first change. */
  onRollBack(action: Action): void
  /** Undoes the changes, the last one first. Returns the errors of what could not be undone. */
  rollBack(): Promise<unknown[]>
}

/** Starts a transaction. Later changes are refused when `signal` aborts. */
export function startTransaction(options: {
  readonly isDryRun: boolean
  readonly print: (line: string) => void
  readonly signal: AbortSignal
}): Transaction {
  const { isDryRun, print, signal } = options
  const undos: Action[] = []
  return {
    isDryRun,
    change: async (description, apply, undo) => {
      signal.throwIfAborted()
      if (isDryRun) {
        print(`would ${description}`)
        return
      }
      // First: a change that fails may have been made in part.
      if (undo !== undefined) undos.push(undo)
      await apply()
    },
    onRollBack: (action) => {
      undos.unshift(action)
    },
    rollBack: async () => {
      const errors: unknown[] = []
      for (const undo of undos.splice(0).reverse()) {
        try {
          await undo()
        } catch (error) {
          errors.push(error)
        }
      }
      return errors
    },
  }
}
