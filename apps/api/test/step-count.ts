import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'

/** Counts the steps of SQLite's virtual machine: work that no load of the machine changes. */
export interface StepCounter {
  /** The counted connection. */
  readonly file: DatabaseSync
  reset(): void
  /** Returns the steps of all statements. */
  total(): number
  /** Returns the steps of the most expensive statement. */
  most(): number
}

/** Counts the steps of the statements of a connection. */
export function countSteps(counted: DatabaseSync): StepCounter {
  let steps: number[] = []
  const file = new Proxy(counted, {
    get: (target, property) => {
      const value = Reflect.get(target, property) as unknown
      if (property !== 'prepare') return typeof value === 'function' ? value.bind(target) : value
      return (text: string): StatementSync => {
        const statement = target.prepare(text)
        for (const name of ['all', 'run'] as const) {
          const execute = statement[name].bind(statement) as unknown as (...parameters: SQLInputValue[]) => never
          statement[name] = (...parameters: unknown[]) => {
            const result = execute(...(parameters as SQLInputValue[]))
            steps.push((statement as unknown as { stat(counter: string): number }).stat('vmStep'))
            ;(statement as unknown as { resetStats(): void }).resetStats()
            return result
          }
        }
        return statement
      }
    },
  })
  return {
    file,
    reset: () => {
      steps = []
    },
    total: () => steps.reduce((sum, count) => sum + count, 0),
    most: () => Math.max(0, ...steps),
  }
}

/** Begins a statement with a table `numbers` of the numbers `n` from 1. */
export function numbers(count: number): string {
  return `with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${count})`
}
