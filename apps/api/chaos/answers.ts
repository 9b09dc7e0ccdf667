/** Counts the answers of the platform, and how long those of `/healthz` took. */
export interface Answers {
  add(caller: string, status: number, what: string, body?: string): void
  addProbe(milliseconds: number): void
  rows(): readonly (readonly [string, string | number])[]
  /** Answers that must not occur: 500, and 5xx other than 503. */
  failures(): readonly string[]
}

const MAX_FAILURES = 20

export function createAnswers(): Answers {
  const counts = new Map<string, number>()
  const failures: string[] = []
  const probes: number[] = []
  return {
    add: (caller, status, what, body = '') => {
      const key = `${caller} ${status}`
      counts.set(key, (counts.get(key) ?? 0) + 1)
      if (status >= 500 && status !== 503 && failures.length < MAX_FAILURES)
        failures.push(`${status} to ${what}: ${body.slice(0, 200)}`)
    },
    addProbe: (milliseconds) => {
      probes.push(milliseconds)
    },
    rows: () => {
      const sorted = probes.toSorted((left, right) => left - right)
      const quantile = (share: number) => (sorted[Math.floor(sorted.length * share)] ?? Number.NaN).toFixed(0)
      return [
        ...[...counts].toSorted().map(([key, count]) => [`answers: ${key}`, count] as const),
        ['/healthz, p50 and p99', `${quantile(0.5)} ms, ${quantile(0.99)} ms`],
      ]
    },
    failures: () => failures,
  }
}
