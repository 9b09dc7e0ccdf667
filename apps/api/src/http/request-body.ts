import { type Readable, Transform } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { IngestGate, Ticket } from './ingest-gate.ts'
import { ProblemError } from './problem-error.ts'

/** How large a request's body may be, in bytes. */
export interface BodyLimits {
  /** As it travels. */
  readonly encoded: number
  /** As it is after decompression. */
  readonly decoded: number
  /** Milliseconds in which it has to arrive, apart from what {@link SLOWEST} allows to large ones. */
  readonly arrival: number
}

/** Bytes a second as they travel: a body that comes faster may take longer than `arrival`. */
const SLOWEST = 16_384

/** How many times its size a gzip body may become. JSON of agents becomes 10 to 50 times as large. */
const EXPANSION = 100

/** Bytes that may come out of any gzip, however small: as much as an agent puts into one batch. */
const EXPANSION_FREE = 4 * 1024 * 1024

/** A body on its way in. Fastify compares this count with `Content-Length`. */
export type MeteredBody = Readable & { receivedEncodedLength?: number }

/**
 * Decompresses and measures a request's body while it arrives. The source is never destroyed, so that the answer to a body
 * that is too large or too slow still reaches its sender.
 *
 * @throws {ProblemError} 415 for an encoding other than gzip.
 */
export function receiveBody(
  source: Readable,
  encoding: string | undefined,
  limits: BodyLimits,
  gate: IngestGate,
  ticket: Ticket,
  sizeAdvice?: string,
): MeteredBody {
  const compressed = isCompressed(encoding)
  let encoded = 0
  const received: MeteredBody = meter((total) => {
    if (total > limits.decoded)
      throw tooLarge(`${limits.decoded} bytes (${compressed ? 'decompressed' : 'sent'})`, sizeAdvice)
    if (total > EXPANSION_FREE && total > encoded * EXPANSION) throw tooDense(sizeAdvice)
    gate.hold(ticket, total)
  })
  const onWire = meter((total) => {
    encoded = total
    received.receivedEncodedLength = total
    if (total > limits.encoded) throw tooLarge(`${limits.encoded} bytes (sent)`, sizeAdvice)
  })
  const steps = compressed ? [onWire, createGunzip(), received] : [onWire, received]
  // Nobody else listens where the request is refused before its body is read, and what arrives late would end the process.
  received.on('error', () => undefined)
  let previous = source
  for (const step of steps) {
    previous.pipe(step as Transform)
    if (step !== received) step.once('error', (error) => received.destroy(error))
    previous = step
  }
  endLate(source, received, limits.arrival, () => encoded)
  source.once('close', () => {
    if (!source.readableEnded) received.destroy(new ProblemError(400, 'The body was not sent to its end.'))
  })
  return received
}

/** Ends a body that does not arrive in time: its place is for others. */
function endLate(source: Readable, received: Readable, limit: number, encoded: () => number): void {
  const begin = performance.now()
  let timer: NodeJS.Timeout
  const wait = (milliseconds: number): void => {
    timer = setTimeout(() => {
      const left = limit + (encoded() / SLOWEST) * 1000 - (performance.now() - begin)
      if (left > 0) return wait(Math.ceil(left))
      received.destroy(
        new ProblemError(408, 'The body did not arrive in time. Send it again.', { headers: { connection: 'close' } }),
      )
    }, milliseconds)
  }
  wait(limit)
  source.once('end', () => clearTimeout(timer))
  received.once('close', () => clearTimeout(timer))
}

function isCompressed(encoding: string | undefined): boolean {
  const name = encoding?.trim().toLowerCase() ?? 'identity'
  if (name === '' || name === 'identity') return false
  if (name === 'gzip' || name === 'x-gzip') return true
  throw new ProblemError(415, 'Only `Content-Encoding: gzip` is understood.', {
    headers: { 'accept-encoding': 'gzip, identity' },
  })
}

function meter(check: (total: number) => void): Transform {
  let total = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      total += chunk.length
      try {
        check(total)
        done(null, chunk)
      } catch (error) {
        done(error as Error)
      }
    },
  })
}

/** 413 */
export function tooLarge(limit: string, advice = 'Send a smaller one.', cause?: unknown): ProblemError {
  return new ProblemError(413, `The body is larger than ${limit}. ${advice}`, {
    headers: { connection: 'close' },
    cause,
  })
}

function tooDense(advice = 'Send a smaller one.'): ProblemError {
  return new ProblemError(413, `The gzip body becomes more than ${EXPANSION} times its size. ${advice}`, {
    headers: { connection: 'close' },
  })
}
