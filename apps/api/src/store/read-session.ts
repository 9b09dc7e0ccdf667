/** Thrown when a question needs more than its limit. */
export class ReadLimitError extends Error {
  /** Maximum number of points that a question may read. */
  readonly maxPoints: number

  constructor(maxPoints: number) {
    super(`The question needs more than ${maxPoints} points.`)
    this.name = 'ReadLimitError'
    this.maxPoints = maxPoints
  }
}

/** One question to the store: its limits, and what it has used of them. */
export interface ReadSession {
  /** Ends the question, with the error to throw as its reason: its caller has left, or its time is over. */
  readonly signal: AbortSignal
  readonly maxPoints: number
  /** Points that were read so far. */
  readonly points: number
  /** Counts points. @throws {ReadLimitError} when there are more than `maxPoints` */
  countPoints(count: number): void
}

/** Begins a question. */
export function createReadSession(signal: AbortSignal, maxPoints: number): ReadSession {
  let points = 0
  return {
    signal,
    maxPoints,
    get points() {
      return points
    },
    countPoints: (count) => {
      points += count
      if (points > maxPoints) throw new ReadLimitError(maxPoints)
    },
  }
}
