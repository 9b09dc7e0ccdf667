import { promisify } from 'node:util'
import { gzip, gzipSync } from 'node:zlib'

const compressLong = promisify(gzip)

/** Size from which queued reports are compressed: a large cluster's report repeats the same words very often. */
const MIN_LONG_BYTES = 65_536

/**
 * Window and hash table of the compression of a short text. By default, zlib allocates and clears 256 kB for each text,
 * which takes longer than the compression itself and saves 3 % of the size.
 */
const SHORT = { windowBits: 13, memLevel: 5 }

/** A report's JSON: a short one as text, a long one gzipped. */
export type ReportBody = string | Uint8Array

/** Converts a report's JSON into the form in which it is queued. */
export async function toReportBody(json: Uint8Array): Promise<ReportBody> {
  return json.byteLength < MIN_LONG_BYTES ? Buffer.from(json).toString() : await compressLong(json)
}

/** Compresses with gzip. */
export async function compress(text: string): Promise<Uint8Array> {
  // Another thread would take longer to wake up than a short text takes.
  return text.length < MIN_LONG_BYTES ? gzipSync(text, SHORT) : await compressLong(text)
}

/** Converts a report's JSON into the form in which it is kept on disk, and sent as it is. */
export async function toStoredBody(json: Uint8Array): Promise<Uint8Array> {
  return json.byteLength < MIN_LONG_BYTES ? gzipSync(json, SHORT) : await compressLong(json)
}
