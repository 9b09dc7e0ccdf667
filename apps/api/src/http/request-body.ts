import type { IncomingHttpHeaders } from 'node:http'
import { type Readable, Transform } from 'node:stream'
import { createGunzip, gunzipSync } from 'node:zlib'
import type { IngestGate, Ticket } from './ingest-gate.ts'
import { ProblemError } from './problem-error.ts'

/** Limits of a request's body, in bytes. */
export interface BodyLimits {
  /** As sent. */
  readonly encoded: number
  /** After decompression. */
  readonly decoded: number
  /** Milliseconds in which the body must arrive. Bodies faster than {@link MIN_BYTES_PER_SECOND} may take longer. */
  readonly arrivalTimeoutMs: number
}

/** Transfer rate above which a body may take longer than `arrivalTimeoutMs`. */
const MIN_BYTES_PER_SECOND = 16_384

/** Maximum ratio of decompressed to compressed size. JSON of agents reaches 10 to 50. */
const MAX_EXPANSION = 100

/** Decompressed bytes that are allowed whatever the ratio: the size of an agent's largest batch. */
const MIN_EXPANSION_BYTES = 4 * 1024 * 1024

/** Compressed bytes that are decompressed in one step: for them, a stream costs several times as much. */
const MAX_BYTES_AT_ONCE = 16_384

/** An arriving body. Fastify compares `receivedEncodedLength` with `Content-Length`. */
export type MeteredBody = Readable & { receivedEncodedLength?: number }

/**
 * Decompresses and measures a request's body while it arrives. The source is never destroyed, so that the sender of a
 * body that is too large or too slow still receives the response.
 *
 * @throws {ProblemError} 415 for an encoding other than gzip.
 */
export function receiveBody(
  source: Readable,
  headers: IncomingHttpHeaders,
  limits: BodyLimits,
  gate: IngestGate,
  ticket: Ticket,
  sizeAdvice?: string,
): MeteredBody {
  const compressed = isCompressed(headers['content-encoding'])
  let encoded = 0
  const received: MeteredBody = meter((total) => {
    if (total > limits.decoded) throw tooLarge(limitOf(limits.decoded, compressed), sizeAdvice)
    if (total > MIN_EXPANSION_BYTES && total > encoded * MAX_EXPANSION) throw tooDense(sizeAdvice)
    gate.hold(ticket, total)
  })
  const onWire = meter((total) => {
    encoded = total
    received.receivedEncodedLength = total
    if (total > limits.encoded) throw tooLarge(limitOf(limits.encoded, false), sizeAdvice)
  })
  const steps = compressed
    ? [onWire, decompress(headers['content-length'], limits, sizeAdvice), received]
    : [onWire, received]
  // A request that is refused before its body is read has no other listener, and an unhandled error would end the
  // process.
  received.on('error', () => undefined)
  let previous = source
  for (const step of steps) {
    previous.pipe(step as Transform)
    if (step !== received) step.once('error', (error) => received.destroy(error))
    previous = step
  }
  abortLate(source, received, limits.arrivalTimeoutMs, () => encoded)
  ticket.abort = (problem) => received.destroy(problem)
  source.once('end', () => {
    ticket.abort = undefined
  })
  source.once('close', () => {
    if (!source.readableEnded) received.destroy(new ProblemError(400, 'The body is incomplete.'))
  })
  return received
}

/** Aborts a body that does not arrive in time, to release its place. */
function abortLate(source: Readable, received: Readable, timeoutMs: number, encoded: () => number): void {
  const begin = performance.now()
  let timer: NodeJS.Timeout
  const wait = (milliseconds: number): void => {
    timer = setTimeout(() => {
      const left = timeoutMs + (encoded() / MIN_BYTES_PER_SECOND) * 1000 - (performance.now() - begin)
      if (left > 0) return wait(Math.ceil(left))
      received.destroy(
        new ProblemError(408, 'The body did not arrive in time. Send it again.', { headers: { connection: 'close' } }),
      )
    }, milliseconds)
  }
  wait(timeoutMs)
  source.once('end', () => clearTimeout(timer))
  received.once('close', () => clearTimeout(timer))
}

function isCompressed(encoding: string | undefined): boolean {
  const name = encoding?.trim().toLowerCase() ?? 'identity'
  if (name === '' || name === 'identity') return false
  if (name === 'gzip' || name === 'x-gzip') return true
  throw new ProblemError(415, 'Unsupported `Content-Encoding`. Send gzip, or no encoding.', {
    headers: { 'accept-encoding': 'gzip, identity' },
  })
}

/** Decompresses a body that is known to be short in one step, and any other while it arrives. */
function decompress(length: string | undefined, { decoded }: BodyLimits, sizeAdvice?: string): Transform {
  if (Number(length ?? Number.POSITIVE_INFINITY) > MAX_BYTES_AT_ONCE) return createGunzip()
  const maxOutputLength = Math.min(decoded, MIN_EXPANSION_BYTES)
  const chunks: Buffer[] = []
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      chunks.push(chunk)
      done()
    },
    flush(done) {
      try {
        done(null, gunzipSync(Buffer.concat(chunks), { maxOutputLength }))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') return done(error as Error)
        done(maxOutputLength < decoded ? tooDense(sizeAdvice) : tooLarge(limitOf(decoded, true), sizeAdvice))
      }
    },
  })
}

function limitOf(bytes: number, isDecompressed: boolean): string {
  return `${bytes} bytes (${isDecompressed ? 'decompressed' : 'sent'})`
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

/** 413: the body exceeds a limit. */
export function tooLarge(limit: string, advice = 'Send a smaller one.', cause?: unknown): ProblemError {
  return new ProblemError(413, `The body is larger than ${limit}. ${advice}`, {
    headers: { connection: 'close' },
    cause,
  })
}

function tooDense(advice = 'Send a smaller one.'): ProblemError {
  return new ProblemError(413, `The gzip body expands to more than ${MAX_EXPANSION} times its size. ${advice}`, {
    headers: { connection: 'close' },
  })
}
