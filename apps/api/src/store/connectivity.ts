export const CONNECTIVITY = ['pending', 'online', 'offline'] as const

/** An agent is offline after this many of its heartbeat intervals without a call. */
export const OFFLINE_AFTER_INTERVALS = 3

export function isOnline(lastSeenAt: number, intervalSeconds: number, now: number): boolean {
  return lastSeenAt + OFFLINE_AFTER_INTERVALS * 1000 * intervalSeconds >= now
}
