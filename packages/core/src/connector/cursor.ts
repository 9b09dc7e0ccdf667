import type { WatchContext } from './connector.ts'

/** A schema that parses a saved state, such as a zod schema of any version. */
export interface CursorSchema<State> {
  safeParse(value: unknown): { readonly data?: State | undefined }
}

/** State that a watcher keeps across restarts of the agent. */
export interface Cursor<State> {
  /** The state of an earlier run, or `undefined` if none was saved or the schema rejects it. */
  readonly before: State | undefined
  /** Saves the state, unless it equals the last saved state. */
  save(state: State): Promise<void>
}

/** Opens a watcher's cursor, which is saved as JSON. Ignores a cursor that `schema` rejects. */
export function openCursor<State>(
  schema: CursorSchema<State>,
  context: Pick<WatchContext, 'cursor' | 'saveCursor'>,
): Cursor<State> {
  let saved = context.cursor
  return {
    before: parse(schema, saved),
    save: async (state) => {
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
