/** How far back an agent that starts reports events, in milliseconds. */
const MAX_AGE_MS = 900_000

/** Returns whether an agent that starts reports something of this time. Something without a time is not reported. */
export function isRecent(at: string | undefined, now: Date): boolean {
  return at !== undefined && now.getTime() - Date.parse(at) <= MAX_AGE_MS
}

/** Parses a time of the API server; `now` where there is none. */
export function timeOrNow(at: string | undefined, now: Date): Date {
  const time = new Date(at ?? Number.NaN)
  return Number.isNaN(time.getTime()) ? now : time
}
