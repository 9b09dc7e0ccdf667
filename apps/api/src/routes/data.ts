import {
  AGENT_PATHS,
  dataRequestSchema,
  dataResponseSchema,
  entityReferenceSchema,
  entitySchema,
  eventSchema,
  gapSchema,
  MAX_NAMED_SETS,
  metricSchema,
  partSchema,
  type ReceivedReport,
  reportSchema,
  seriesValuesSchema,
} from '@rca/core/protocol'
import { credentialOf } from '../http/authentication.ts'
import type { App, Context } from '../http/context.ts'
import { named, problems } from '../http/openapi-schemas.ts'
import { authorizeAgents } from './authorize-agents.ts'

named('EntityReference', entityReferenceSchema)
named('ReportedEntity', entitySchema)
named('ReportedEvent', eventSchema)
named('ReportedGap', gapSchema)
named('ReportedMetric', metricSchema)
named('ReportPart', partSchema)
named('SeriesValues', seriesValuesSchema)
named('Report', reportSchema)
named('DataResponse', dataResponseSchema, { accepted: 1, duplicates: 0 })

const host = { type: 'host', id: '4f1c2d9ab3e84c0f9d7a5b6e8c1f2a3d' }
const filesystem = { type: 'filesystem', id: '/var' }
const mountpoint = { 'system.filesystem.mountpoint': '/var' }

named('DataRequest', dataRequestSchema, {
  reports: [
    {
      report_id: '019ab3f2-6c00-7d41-8e52-9a7c3b1d5f60',
      agent_id: '8c5f2b0e-3d1a-5c47-9b62-0f4f7a1d9e33',
      agent_type: 'server',
      agent_version: '1.0.0',
      sequence: 0,
      timestamp: '2026-11-22T12:00:00Z',
      snapshot: true,
      data: {
        entities: [
          { ...host, name: 'web-1', attributes: { 'host.name': 'web-1', 'os.type': 'linux' }, relations: [] },
          {
            ...filesystem,
            name: '/var',
            attributes: { ...mountpoint, 'system.filesystem.type': 'ext4', 'system.filesystem.mode': 'ro' },
            relations: [{ type: 'part_of', target: host }],
          },
        ],
        metrics: [
          {
            name: 'system.filesystem.utilization',
            value: 0.97,
            unit: '1',
            kind: 'gauge',
            entity: filesystem,
            attributes: mountpoint,
          },
        ],
        events: [
          {
            name: 'filesystem.read_only',
            at: '2026-11-22T11:59:57Z',
            severity: 'critical',
            entity: filesystem,
            body: '/var has become read-only.',
            attributes: mountpoint,
          },
        ],
        gaps: [{ scope: 'collector:systemd-units', reason: 'systemctl was not found', since: '2026-11-22T11:58:40Z' }],
      },
    },
  ],
})

export function addDataRoute(app: App, context: Context): void {
  const { store, telemetry, now } = context
  const schema = {
    operationId: 'sendData',
    summary: 'Deliver reports',
    description:
      'Stores all reports of the request or none. A report that was delivered before is counted as a duplicate and skipped. `Content-Encoding: gzip` is supported. An agent that sends the same series again and again may send their values alone: see `series_sets`.',
    tags: ['agents'],
    body: dataRequestSchema,
    success: 'All reports are stored. Returns how many were new.',
    response: { 202: dataResponseSchema, ...problems(400, 403, 408, 409, 413, 415, 422) },
  }
  const config = {
    access: 'agent',
    maxBodyBytes: Number.POSITIVE_INFINITY,
    sizeAdvice: 'Send fewer reports in one request.',
  } as const
  app.post(AGENT_PATHS.data, { config, schema }, async (request, reply) => {
    const credential = credentialOf(request)
    const reports = request.body.reports as readonly ReceivedReport[]
    await authorizeAgents(context, credential, reports, { path: (index) => ['reports', index] })
    const outcome = await store.signals.write(
      credential,
      reports.map((report) => ({ ...report, agent_id: report.agent_id.toLowerCase() })),
      now(),
    )
    telemetry.recordIngest(outcome, {
      points: reports.reduce((sum, report) => sum + countPoints(report), 0),
      events: reports.reduce((sum, report) => sum + report.data.events.length, 0),
    })
    const { accepted, duplicates, seriesSets } = outcome
    const sets = request.body.series_sets === true ? { series_sets: seriesSets.slice(0, MAX_NAMED_SETS) } : {}
    return reply.code(202).send({ accepted, duplicates, ...sets })
  })
}

function countPoints({ data }: ReceivedReport): number {
  return data.metrics.reduce((sum, metric) => sum + ('series_set' in metric ? metric.values.length : 1), 0)
}
