import { ProblemError } from '../http/problem-error.ts'

/** 404 */
export function noEnvironment(name: string): ProblemError {
  return new ProblemError(404, `There is no environment \`${name}\`. Provision an agent for it first.`)
}
