import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { Report } from '../platform/protocol.ts'
import { type ReportBody, toReportBody, toStoredBody } from '../platform/report-body.ts'

const decompress = promisify(gunzip)

const REASON = 'The queue was full: the metrics of this time were dropped. Raise `max_queue_size`.'

/** A report's body without its metrics. */
export interface SmallerReport {
  readonly body: ReportBody
  /** Size of the uncompressed JSON. */
  readonly bytes: number
}

/**
 * Removes the metrics of a report, and adds a gap of its time instead. Returns `undefined` if it has none, or if its
 * body is not a report.
 */
export async function withoutMetrics(body: ReportBody): Promise<SmallerReport | undefined> {
  try {
    const report = JSON.parse(typeof body === 'string' ? body : (await decompress(body)).toString()) as Report
    const { metrics, gaps, ...rest } = report.data
    if (metrics.length === 0) return undefined
    const gap = { scope: 'outbox', reason: REASON, since: report.timestamp }
    const data = { ...rest, metrics: [], gaps: [...gaps, gap] }
    const json = Buffer.from(JSON.stringify({ ...report, data }))
    return { body: await (typeof body === 'string' ? toReportBody(json) : toStoredBody(json)), bytes: json.byteLength }
  } catch {
    return undefined
  }
}
