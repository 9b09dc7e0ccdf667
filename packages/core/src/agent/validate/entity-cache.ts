import type { Entity } from '../../connector/signals.ts'
import type { InterruptibleTask } from '../../event-loop.ts'

/** Unchanged entities that are passed over in one step. */
const UNCHANGED = 64

/** A list of entities that was checked. */
export interface CheckedList {
  readonly elements: readonly unknown[]
  /** Of each element, where it passed. */
  readonly copies: readonly (Entity | undefined)[]
  readonly kept: readonly Entity[]
}

/** Nothing was checked yet. */
export const NO_LIST: CheckedList = { elements: [], copies: [], kept: [] }

/** What passes of a list of entities. An object that was checked before is not looked at again, least of all in its old place. */
export function* keepEntities(
  elements: readonly unknown[],
  last: CheckedList,
  known: WeakMap<object, Entity>,
  check: (element: unknown) => Entity | undefined,
): InterruptibleTask<never, CheckedList> {
  const copies: (Entity | undefined)[] = []
  let isSame = elements.length === last.elements.length
  for (const [index, element] of elements.entries()) {
    const before = element === last.elements[index] ? last.copies[index] : undefined
    if (before === undefined) {
      isSame = false
      copies.push(remembered(element, known, check))
      yield
    } else {
      copies.push(before)
      if (index % UNCHANGED === 0) yield
    }
  }
  return isSame ? last : { elements: [...elements], copies, kept: copies.filter((copy) => copy !== undefined) }
}

function remembered(
  element: unknown,
  known: WeakMap<object, Entity>,
  check: (element: unknown) => Entity | undefined,
): Entity | undefined {
  const isObject = typeof element === 'object' && element !== null
  const before = isObject ? known.get(element) : undefined
  if (before !== undefined) return before
  const copy = check(element)
  if (copy !== undefined && isObject) known.set(element, copy)
  return copy
}
