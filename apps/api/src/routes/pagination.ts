import { z } from 'zod'
import { invalid } from '../http/problem-error.ts'
import type { PageRequest, Position } from '../store/store.ts'

/** Query parameters of a list that can be long. */
export function pageQuery(defaultLimit = 100, most = 1000) {
  return {
    limit: z.coerce
      .number()
      .int()
      .min(1)
      .max(most)
      .default(defaultLimit)
      .describe(`Most items in one answer, up to ${most}.`),
    cursor: z
      .string()
      .max(4096)
      .optional()
      .describe('`next_cursor` of the answer before, with all other parameters unchanged.'),
  }
}

export const nextCursor = z.string().nullable().describe('For the next part of the list; `null` at its end.')

/** Kinds of values that a list is sorted by. */
type Key = 'text' | 'number'

/** Reads where to go on. @throws {ProblemError} 422 for a cursor that no answer of this list contained. */
export function toPageRequest(
  query: { readonly limit: number; readonly cursor?: string | undefined },
  keys: readonly Key[],
): PageRequest {
  return { limit: query.limit, after: query.cursor === undefined ? undefined : parseCursor(query.cursor, keys) }
}

/** The cursor behind a page. */
export function toCursor(next: Position | undefined): string | null {
  return next === undefined ? null : Buffer.from(JSON.stringify(next)).toString('base64url')
}

function parseCursor(cursor: string, keys: readonly Key[]): Position {
  const position = parsed(Buffer.from(cursor, 'base64url').toString())
  const fits =
    Array.isArray(position) &&
    position.length === keys.length &&
    keys.every((key, index) =>
      key === 'text' ? typeof position[index] === 'string' : Number.isSafeInteger(position[index]),
    )
  if (!fits) throw invalid([{ pointer: '#/query/cursor', detail: 'It is not a `next_cursor` of this list.' }])
  return position as Position
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
