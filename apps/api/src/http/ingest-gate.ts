import { ProblemError, unavailable } from './problem-error.ts'

/** Seconds after which a refused agent shall come back. Agents add jitter of their own. */
const RETRY_AFTER = 5

/** One request that is being taken. */
export interface Ticket {
  readonly holder: Holder
  bytes: number
}

/** What one caller takes up. */
interface Holder {
  readonly name: string
  requests: number
  bytes: number
}

/** Lets in only as much as there is memory for; the rest is told to come back. */
export interface IngestGate {
  /** Lets a request of a caller in. @throws {ProblemError} 429 where the caller has used up its share, 503 where all is used up */
  enter(caller: string): Ticket
  /** Notes how many bytes of a request are in memory. @throws {ProblemError} 429, 503 */
  hold(ticket: Ticket, bytes: number): void
  /** The request was answered or broken off. Idempotent. */
  leave(ticket: Ticket): void
  readonly requests: number
}

export interface GateLimits {
  /** Requests at the same time. */
  readonly requests: number
  /** Bytes of bodies in memory, decompressed. */
  readonly bytes: number
  /** The part of both that one caller can take up, at least one request: 4 is a quarter. */
  readonly shares: number
}

export function createIngestGate({ requests, bytes: most, shares }: GateLimits): IngestGate {
  const inside = new Set<Ticket>()
  const holders = new Map<string, Holder>()
  const share = { requests: Math.max(1, Math.floor(requests / shares)), bytes: Math.floor(most / shares) }
  let held = 0
  return {
    get requests() {
      return inside.size
    },
    enter: (name) => {
      const holder = holders.get(name) ?? { name, requests: 0, bytes: 0 }
      if (inside.size >= requests)
        throw unavailable('The platform is taking as many requests as it can. Try again later.', RETRY_AFTER)
      if (holder.requests >= share.requests) throw tooMuch('as many requests')
      holder.requests += 1
      holders.set(name, holder)
      const ticket = { holder, bytes: 0 }
      inside.add(ticket)
      return ticket
    },
    hold: (ticket, bytes) => {
      if (!inside.has(ticket)) return
      const growth = bytes - ticket.bytes
      if (held + growth > most)
        throw unavailable('The platform is taking as much data as it can hold. Try again later.', RETRY_AFTER)
      if (ticket.holder.bytes + growth > share.bytes) throw tooMuch('as much data')
      held += growth
      ticket.holder.bytes += growth
      ticket.bytes = bytes
    },
    leave: (ticket) => {
      if (!inside.delete(ticket)) return
      const { holder } = ticket
      held -= ticket.bytes
      holder.bytes -= ticket.bytes
      holder.requests -= 1
      if (holder.requests === 0) holders.delete(holder.name)
    },
  }
}

function tooMuch(what: string): ProblemError {
  return new ProblemError(
    429,
    `The platform is taking ${what} with this token at the same time as one token may send. Try again later.`,
    { headers: { 'retry-after': String(RETRY_AFTER) } },
  )
}
