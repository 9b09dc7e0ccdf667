import { ProblemError, unavailable } from './problem-error.ts'

/** Shortest `Retry-After` of refused requests. */
const RETRY_AFTER_SECONDS = 5

/** A request in progress. */
export interface Ticket {
  readonly holder: Holder
  bytes: number
  /** Time of the last byte, as the gate's clock gives it. */
  progressAt: number
  /** Ends the request while its body arrives, `undefined` afterwards. */
  abort: ((problem: ProblemError) => void) | undefined
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

/** A body that stalls for this time loses its place when another request needs it. */
const STALL_MS = 5000

export function createIngestGate(
  { requests, bytes: maxBytes, shares }: GateLimits,
  now: () => number = () => performance.now(),
): IngestGate {
  const inside = new Set<Ticket>()
  const holders = new Map<string, Holder>()
  const share = { requests: Math.max(1, Math.floor(requests / shares)), bytes: Math.floor(maxBytes / shares) }
  let held = 0
  const leave = (ticket: Ticket): void => {
    if (!inside.delete(ticket)) return
    const { holder } = ticket
    held -= ticket.bytes
    holder.bytes -= ticket.bytes
    holder.requests -= 1
    if (holder.requests === 0) holders.delete(holder.name)
  }
  /** Ends stalled requests, of all callers or of one: bodies that never come must not keep others out. */
  const endStalled = (of?: Holder): void => {
    for (const ticket of inside) {
      if (ticket.abort === undefined || (of !== undefined && ticket.holder !== of)) continue
      if (now() - ticket.progressAt < STALL_MS) continue
      const { abort } = ticket
      leave(ticket)
      abort(new ProblemError(408, 'The body stopped arriving. Send it again.', { headers: { connection: 'close' } }))
    }
  }
  /** Ends the oldest arriving request of the caller with the most, if that one has at least two more than this one. */
  const endUnfair = (name: string): void => {
    const own = holders.get(name)?.requests ?? 0
    const largest = Math.max(
      0,
      ...[...inside].map((ticket) => (ticket.abort === undefined ? 0 : ticket.holder.requests)),
    )
    if (largest < own + 2) return
    const victim = [...inside].find(({ abort, holder }) => abort !== undefined && holder.requests === largest)
    const abort = victim?.abort
    if (victim === undefined || abort === undefined) return
    leave(victim)
    abort(
      unavailable(
        'The platform needs the place of this request for another caller. Try again later.',
        RETRY_AFTER_SECONDS,
      ),
    )
  }
  return {
    get requests() {
      return inside.size
    },
    enter: (name) => {
      if (inside.size >= requests) endStalled()
      if (inside.size >= requests) endUnfair(name)
      const known = holders.get(name)
      if (known !== undefined && known.requests >= share.requests) endStalled(known)
      const holder = holders.get(name) ?? { name, requests: 0, bytes: 0 }
      if (inside.size >= requests)
        throw unavailable('The platform is taking as many requests as it can. Try again later.', RETRY_AFTER_SECONDS)
      if (holder.requests >= share.requests) throw tooMuch('as many requests')
      holder.requests += 1
      holders.set(name, holder)
      const ticket: Ticket = { holder, bytes: 0, progressAt: now(), abort: undefined }
      inside.add(ticket)
      return ticket
    },
    hold: (ticket, bytes) => {
      if (!inside.has(ticket)) return
      const growth = bytes - ticket.bytes
      ticket.progressAt = now()
      if (held + growth > maxBytes) endStalled()
      if (ticket.holder.bytes + growth > share.bytes) endStalled(ticket.holder)
      if (held + growth > maxBytes)
        throw unavailable('The platform is taking as much data as it can hold. Try again later.', RETRY_AFTER_SECONDS)
      if (ticket.holder.bytes + growth > share.bytes) throw tooMuch('as much data')
      held += growth
      ticket.holder.bytes += growth
      ticket.bytes = bytes
    },
    leave,
  }
}

function tooMuch(what: string): ProblemError {
  return new ProblemError(
    429,
    `The platform is taking ${what} with this token at the same time as one token may send. Try again later.`,
    { headers: { 'retry-after': String(RETRY_AFTER_SECONDS) } },
  )
}
