import type { Entity } from '../../connector/signals.ts'
import type { InterruptibleTask } from '../../event-loop.ts'

/** Unchanged entities that are compared in one step. */
const UNCHANGED_PER_STEP = 64

export interface ValidatedEntities {
  readonly elements: readonly unknown[]
  /** The sanitized copy of each element, `undefined` for an invalid one. */
  readonly copies: readonly (Entity | undefined)[]
  readonly valid: readonly Entity[]
}

export const NO_ENTITIES: ValidatedEntities = { elements: [], copies: [], valid: [] }

/**
 * Validates a list of entities. Reuses the result for an object that was validated before, most cheaply at the same
 * index. Returns the previous list itself if nothing has changed.
 */
export function* validateEntities(
  elements: readonly unknown[],
  previous: ValidatedEntities,
  cache: WeakMap<object, Entity>,
  validate: (element: unknown) => Entity | undefined,
): InterruptibleTask<never, ValidatedEntities> {
  const copies: (Entity | undefined)[] = []
  let isSame = elements.length === previous.elements.length
  for (const [index, element] of elements.entries()) {
    const before = element === previous.elements[index] ? previous.copies[index] : undefined
    if (before === undefined) {
      isSame = false
      copies.push(cached(element, cache, validate))
      yield
    } else {
      copies.push(before)
      if (index % UNCHANGED_PER_STEP === 0) yield
    }
  }
  return isSame ? previous : { elements: [...elements], copies, valid: copies.filter((copy) => copy !== undefined) }
}

function cached(
  element: unknown,
  cache: WeakMap<object, Entity>,
  validate: (element: unknown) => Entity | undefined,
): Entity | undefined {
  const isObject = typeof element === 'object' && element !== null
  const before = isObject ? cache.get(element) : undefined
  if (before !== undefined) return before
  const copy = validate(element)
  if (copy !== undefined && isObject) cache.set(element, copy)
  return copy
}
