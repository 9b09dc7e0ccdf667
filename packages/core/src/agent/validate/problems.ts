/** Most problems that are told of one answer: the first ones say it all. */
const MOST_PROBLEMS = 50

/** What is wrong with what a connector said: one sentence each, no two the same, and not too many. */
export interface Problems {
  readonly report: (problem: string) => void
  readonly all: () => string[]
}

/** None yet. */
export function createProblems(): Problems {
  const problems = new Set<string>()
  return {
    report: (problem) => void (problems.size < MOST_PROBLEMS && problems.add(problem)),
    all: () => [...problems],
  }
}
