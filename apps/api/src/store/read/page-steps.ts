import { isPageFull, type Page, type PageRequest, type Position, toBoundedPage } from '../page.ts'

/** Maximum number of rows that one statement compares with conditions without an index. */
export const MAX_EXAMINED = 5000

/** Maximum number of statements for one page. */
const MAX_STEPS = 20

/** Rows that meet the conditions, of the rows that a statement examined. */
export interface PageStep<Row> {
  readonly rows: readonly Row[]
  /** Position after the examined rows. `undefined` if no more follow. */
  readonly end: Position | undefined
}

/**
 * Reads a page in steps of at most {@link MAX_EXAMINED} examined rows. After {@link MAX_STEPS}, the page ends before it
 * is full: conditions that few of very many rows meet take several pages.
 *
 * @param step reads up to a number of rows after a position.
 */
export async function readPageInSteps<Row extends { readonly bytes: number }>(
  page: PageRequest,
  positionOf: (row: Row) => Position,
  step: (after: Position | undefined, limit: number) => Promise<PageStep<Row>>,
): Promise<Page<Row>> {
  const rows: Row[] = []
  let after = page.after
  for (let count = 0; count < MAX_STEPS; count += 1) {
    const { rows: found, end } = await step(after, page.limit + 1 - rows.length)
    rows.push(...found)
    if (end === undefined || isPageFull(rows, page)) return toBoundedPage(rows, page, positionOf)
    after = end
  }
  return { items: rows, next: after }
}
