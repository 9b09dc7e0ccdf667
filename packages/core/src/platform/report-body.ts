import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

const compress = promisify(gzip)

/** Size from which queued reports are compressed: a large cluster's report repeats the same words very often. */
const MIN_COMPRESSED_BYTES = 65_536

/** A report's JSON: a short one as text, a long one gzipped. */
export type ReportBody = string | Uint8Array

/** Converts a report's JSON into the form in which it is queued. */
export async function toReportBody(json: Uint8Array): Promise<ReportBody> {
  return json.byteLength < MIN_COMPRESSED_BYTES ? Buffer.from(json).toString() : await compress(json)
}
