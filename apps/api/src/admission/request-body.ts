import { type Readable, Transform } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { ProblemError } from '../problems/problem-error.ts'
import type { IngestGate, Ticket } from './ingest-gate.ts'

/** How large a request's body may be, in bytes. */
export interface BodyLimits {
  /** As it travels. */
  readonly encoded: number
  /** As it is after decompression. */
  readonly decoded: number
}

/** A body on its way in. Fastify compares this count with `Content-Length`. */
export type MeteredBody = Readable & { receivedEncodedLength?: number }

/**
 * Decompresses and measures a request's body while it arrives. The source is never destroyed, so that the answer to a body
 * that is too large still reaches its sender.
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
  const received: MeteredBody = meter((total) => {
    if (total > limits.decoded)
      throw tooLarge(`${limits.decoded} bytes (${compressed ? 'decompressed' : 'sent'})`, sizeAdvice)
    gate.hold(ticket, total)
  })
  const onWire = meter((total) => {
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
  source.once('close', () => {
    if (!source.readableEnded) received.destroy(new ProblemError(400, 'The body was not sent to its end.'))
  })
  return received
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
