/** The end of a page: the sort key of its last item. */
export type Position = readonly (string | number)[]

/** A page of a long list. `next` is set when more items follow. */
export interface Page<Item> {
  readonly items: readonly Item[]
  readonly next: Position | undefined
}

export interface PageRequest {
  readonly limit: number
  /** End of the previous page. */
  readonly after?: Position | undefined
}

/** Cuts items to a page. Pass one item more than the limit, which shows whether more items follow. */
export function toPage<Item>(
  items: readonly Item[],
  { limit }: PageRequest,
  position: (item: Item) => Position,
): Page<Item> {
  const kept = items.slice(0, limit)
  const last = kept.at(-1)
  return { items: kept, next: items.length > limit && last !== undefined ? position(last) : undefined }
}

/** Bytes of stored text above which a page ends early: serving more would delay other requests. */
const MAX_PAGE_BYTES = 2 * 1024 * 1024

/** Returns true for more rows than fit into a page. */
export function isPageFull(rows: readonly { readonly bytes: number }[], { limit }: PageRequest): boolean {
  return rows.length > limit || rows.reduce((total, { bytes }) => total + bytes, 0) > MAX_PAGE_BYTES
}

/** Cuts rows to a page that is not too large, of at least one. Pass one row more than the limit. */
export function toBoundedPage<Row extends { readonly bytes: number }>(
  rows: readonly Row[],
  { limit }: PageRequest,
  position: (row: Row) => Position,
): Page<Row> {
  let total = 0
  const firstBeyond = rows.findIndex(({ bytes }) => {
    total += bytes
    return total > MAX_PAGE_BYTES
  })
  const fitting = firstBeyond === -1 ? limit : Math.max(1, Math.min(firstBeyond, limit))
  return toPage(rows, { limit: fitting }, position)
}
