import type { Entity } from '../../connector/signals.ts'
import { quote, referenceProblem } from './rules.ts'

/** Distinct problems of one result that are kept: the first ones are enough to find the cause. */
const MAX_PROBLEMS = 50

export type Problems = ReturnType<typeof createProblems>

/** A problem of points, which is reported with their number and the entity of the first one. */
export interface PointProblem {
  readonly text: string
  readonly entity: unknown
}

/** Collects the problems of one result, without duplicates and of bounded number. */
export function createProblems(redact: (text: string) => string) {
  const problems = new Map<string, { points: number; readonly entity: string }>()
  const add = (problem: string | PointProblem): void => {
    const text = typeof problem === 'string' ? problem : problem.text
    const known = problems.get(text)
    if (known !== undefined) known.points += 1
    else if (problems.size < MAX_PROBLEMS)
      problems.set(text, { points: 1, entity: typeof problem === 'string' ? '' : nameOf(problem.entity, redact) })
  }
  return {
    add,
    all: () =>
      [...problems].map(([text, { points, entity }]) => {
        if (entity === '') return text
        return points === 1 ? `${text}, of ${entity}` : `${text}: ${points} points, the first of ${entity}`
      }),
  }
}

/** Returns the type and id of a referenced entity for a problem. */
function nameOf(entity: unknown, redact: (text: string) => string): string {
  const problem = referenceProblem(entity)
  if (problem !== undefined) return 'an entity without a valid reference'
  const { type, id } = entity as Entity
  return quote(`${type}/${id}`, redact)
}
