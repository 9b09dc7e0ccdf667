import { unavailable } from '../problems/problem-error.ts'

/** Seconds after which a refused agent shall come back. Agents add jitter of their own. */
const RETRY_AFTER = 5

/** One request that is being taken. */
export interface Ticket {
  bytes: number
}

/** Lets in only as much as there is memory for; the rest is told to come back. */
export interface IngestGate {
  /** Lets a request in. @throws {ProblemError} 503 */
  enter(): Ticket
  /** Notes how many bytes of a request are in memory. @throws {ProblemError} 503 */
  hold(ticket: Ticket, bytes: number): void
  /** The request was answered or broken off. Idempotent. */
  leave(ticket: Ticket): void
  readonly requests: number
}

/** @param limits.requests at the same time. @param limits.bytes of bodies in memory, decompressed. */
export function createIngestGate(limits: { readonly requests: number; readonly bytes: number }): IngestGate {
  const inside = new Set<Ticket>()
  let held = 0
  return {
    get requests() {
      return inside.size
    },
    enter: () => {
      if (inside.size >= limits.requests)
        throw unavailable('The platform is taking as many requests as it can. Try again later.', RETRY_AFTER)
      const ticket = { bytes: 0 }
      inside.add(ticket)
      return ticket
    },
    hold: (ticket, bytes) => {
      if (!inside.has(ticket)) return
      const growth = bytes - ticket.bytes
      if (held + growth > limits.bytes)
        throw unavailable('The platform is taking as much data as it can hold. Try again later.', RETRY_AFTER)
      held += growth
      ticket.bytes = bytes
    },
    leave: (ticket) => {
      if (inside.delete(ticket)) held -= ticket.bytes
    },
  }
}
