import { z } from 'zod'
import { invalid } from '../http/problem-error.ts'
import type { PageRequest, Position } from '../store/page.ts'

/** Query parameters of a list that is returned in pages. */
export function pageQuery(defaultLimit = 100, maxLimit = 1000) {
  return {
    limit: z.coerce
      .number()
      .int()
      .min(1)
      .max(maxLimit)
      .default(defaultLimit)
      .describe(`Maximum number of items in one response, up to ${maxLimit}.`),
    cursor: z
      .string()
      .max(4096)
      .optional()
      .describe('`next_cursor` of the previous response, with all other parameters unchanged.'),
  }
}

/** Part of the description of lists whose requests examine a limited number of rows. */
export const MAY_END_EARLY =
  'A page may hold fewer items than `limit`, or none, and still have a `next_cursor`: each request examines a limited number of them.'

export const nextCursor = z.string().nullable().describe('For the next page of the list; `null` at its end.')

/** Type of a value by which a list is sorted. */
type SortKey = 'text' | 'number'

/** Reads the page to return. @throws {ProblemError} 422 for a cursor that is not from this list. */
export function toPageRequest(
  query: { readonly limit: number; readonly cursor?: string | undefined },
  keys: readonly SortKey[],
): PageRequest {
  return { limit: query.limit, after: query.cursor === undefined ? undefined : parseCursor(query.cursor, keys) }
}

export function toCursor(next: Position | undefined): string | null {
  return next === undefined ? null : Buffer.from(JSON.stringify(next)).toString('base64url')
}

function parseCursor(cursor: string, keys: readonly SortKey[]): Position {
  const position = parseJson(Buffer.from(cursor, 'base64url').toString())
  const valid =
    Array.isArray(position) &&
    position.length === keys.length &&
    keys.every((key, index) =>
      key === 'text' ? typeof position[index] === 'string' : Number.isSafeInteger(position[index]),
    )
  if (!valid) throw invalid([{ pointer: '#/query/cursor', detail: 'Must be a `next_cursor` of this list.' }])
  return position as Position
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
