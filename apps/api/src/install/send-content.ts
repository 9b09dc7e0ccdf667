import type { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fresh from 'fresh'
import parseRange from 'range-parser'
import { ProblemError } from '../http/problem-error.ts'

/** Bytes to send. */
export interface Content {
  readonly type: string
  /** SHA-256 in hexadecimal. */
  readonly digest: string
  /** Number of bytes. */
  readonly size: number
  /** Reads the bytes from `start` to `end`, both inclusive. */
  read(start: number, end: number): Readable | Buffer
}

/**
 * Answers a GET or HEAD request with the content, one range of it, or 304. The digest is the entity tag, so that
 * replicas of the platform send the same one. Several ranges in one request are answered with the whole content.
 *
 * @throws {ProblemError} 416 for a range beyond the end.
 */
export function sendContent(request: FastifyRequest, reply: FastifyReply, content: Content): FastifyReply {
  const { size, digest } = content
  const etag = `"${digest}"`
  reply.header('etag', etag).header('accept-ranges', 'bytes').header('cache-control', 'no-cache')
  if (fresh(request.headers, { etag })) return reply.code(304).send()

  const { range: header, 'if-range': ifRange } = request.headers
  const isWhole = header === undefined || (ifRange !== undefined && ifRange !== etag)
  const ranges = isWhole ? undefined : parseRange(size, header)
  if (ranges === -1)
    throw new ProblemError(416, `The range begins after the end of the content, which has ${size} bytes.`, {
      headers: { 'content-range': `bytes */${size}` },
    })
  const [range, ...others] = Array.isArray(ranges) && ranges.type === 'bytes' ? ranges : []
  const part = others.length === 0 ? range : undefined
  const { start, end } = part ?? { start: 0, end: size - 1 }
  if (part !== undefined) reply.code(206).header('content-range', `bytes ${start}-${end}/${size}`)
  reply.header('content-type', content.type).header('content-length', end - start + 1)
  return request.method === 'HEAD' ? reply.send() : reply.send(content.read(start, end))
}
