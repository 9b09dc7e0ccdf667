/** What was there already when the agent came is told if it happened so recently, in milliseconds. */
const RECENT = 15 * 60_000

/** Whether this happened so recently that an agent that has just come tells of it. */
export function isRecent(time: string | undefined, now: Date): boolean {
  const age = now.getTime() - Date.parse(time ?? '')
  return age <= RECENT
}

/** A time as the server writes it, or else `now`. */
export function momentOf(time: string | undefined, now: Date): Date {
  const moment = Date.parse(time ?? '')
  return Number.isNaN(moment) ? now : new Date(moment)
}
