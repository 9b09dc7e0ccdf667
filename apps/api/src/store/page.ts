import type { Page, PageRequest, Position } from './store.ts'

/** Cuts what was read (one row more than the page holds) to a page. */
export function toPage<Row, Item>(
  rows: readonly Row[],
  { limit }: PageRequest,
  toItem: (row: Row) => Item,
  position: (row: Row) => Position,
): Page<Item> {
  const kept = rows.slice(0, limit)
  const last = kept.at(-1)
  return { items: kept.map(toItem), next: rows.length > limit && last !== undefined ? position(last) : undefined }
}

/** Nothing in the database, `undefined` here. */
export function optional<Value>(value: Value | null): Value | undefined {
  return value ?? undefined
}
