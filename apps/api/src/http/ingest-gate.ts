import { ProblemError, unavailable } from './problem-error.ts'

/** `Retry-After` of refused requests. Agents add jitter of their own. */
const RETRY_AFTER_SECONDS = 5

/** A request in progress. */
export interface Ticket {
  readonly holder: Holder
  bytes: number
}

/** Requests and bytes in use by one caller. */
interface Holder {
  readonly name: string
  requests: number
  bytes: number
}

/** Limits concurrent requests and the bytes of their bodies in memory. */
export interface IngestGate {
  /** Admits a request. @throws {ProblemError} 429 for a used-up share of the caller, 503 for a reached limit */
  enter(caller: string): Ticket
  /** Updates the bytes of a request in memory. @throws {ProblemError} 429, 503 */
  hold(ticket: Ticket, bytes: number): void
  /** Releases a request that was answered or aborted. Idempotent. */
  leave(ticket: Ticket): void
  readonly requests: number
}

export interface GateLimits {
  /** Maximum concurrent requests. */
  readonly requests: number
  /** Maximum bytes of bodies in memory, decompressed. */
  readonly bytes: number
  /** Divides both limits for one caller, at least one request: 4 gives a quarter. */
  readonly shares: number
}

export function createIngestGate({ requests, bytes: maxBytes, shares }: GateLimits): IngestGate {
  const inside = new Set<Ticket>()
  const holders = new Map<string, Holder>()
  const share = { requests: Math.max(1, Math.floor(requests / shares)), bytes: Math.floor(maxBytes / shares) }
  let held = 0
  return {
    get requests() {
      return inside.size
    },
    enter: (name) => {
      const holder = holders.get(name) ?? { name, requests: 0, bytes: 0 }
      if (inside.size >= requests)
        throw unavailable('The platform is taking as many requests as it can. Try again later.', RETRY_AFTER_SECONDS)
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
      if (held + growth > maxBytes)
        throw unavailable('The platform is taking as much data as it can hold. Try again later.', RETRY_AFTER_SECONDS)
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
    { headers: { 'retry-after': String(RETRY_AFTER_SECONDS) } },
  )
}
