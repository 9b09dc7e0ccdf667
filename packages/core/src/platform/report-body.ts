import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

const compress = promisify(gzip)

/** Reports of this many bytes or more wait compressed: a large cluster says the same words tens of thousands of times. */
const COMPRESS_FROM = 65_536

/** A report's JSON: as text, or gzipped where it is long. */
export type ReportBody = string | Uint8Array

/** What a report's JSON is held as until it is delivered. */
export async function toReportBody(json: Uint8Array): Promise<ReportBody> {
  return json.byteLength < COMPRESS_FROM ? Buffer.from(json).toString() : await compress(json)
}
