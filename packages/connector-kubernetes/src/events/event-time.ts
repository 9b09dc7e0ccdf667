/** How far back is told what happened before the agent came, in milliseconds. */
const PAST = 900_000

/** Whether something happened so shortly ago that an agent that begins tells it. What has no time did not. */
export function isRecent(at: string | undefined, now: Date): boolean {
  return at !== undefined && now.getTime() - Date.parse(at) <= PAST
}

/** A moment that an object tells, or now where it tells none. */
export function momentOf(at: string | undefined, now: Date): Date {
  const moment = new Date(at ?? Number.NaN)
  return Number.isNaN(moment.getTime()) ? now : moment
}
