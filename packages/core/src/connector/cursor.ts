import type { WatchContext } from './connector.ts'

/** A schema that parses a saved state, such as a zod schema of any version. */
export interface CursorSchema<State> {
  safeParse(value: unknown): { readonly data?: State | undefined }
}

/** Opens the state that a watcher keeps across restarts of the agent, saved as JSON. */
export function openCursor<State>(schema: CursorSchema<State>, context: Pick<WatchContext, 'cursor' | 'saveCursor'>) {
  let saved = context.cursor
  return {
    /** The state of an earlier run, or `undefined` if none was saved or the schema rejects it. */
    before: parse(schema, saved),
    /** Saves the state, unless it equals the last saved state. */
    save: async (state: State): Promise<void> => {
      const cursor = JSON.stringify(state)
      if (cursor === saved) return
      await context.saveCursor(cursor)
      saved = cursor
    },
  }
}

function parse<State>(schema: CursorSchema<State>, cursor: string | undefined): State | undefined {
  if (cursor === undefined) return undefined
  try {
    return schema.safeParse(JSON.parse(cursor)).data
  } catch {
    return undefined
  }
}
