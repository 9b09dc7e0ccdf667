import { AGENT_PATHS, dataRequestSchema, dataResponseSchema, type Report } from '@rca/core/protocol'
import { assertType } from '../http/assert-type.ts'
import { tokenOf } from '../http/authentication.ts'
import type { App, Context } from '../http/context.ts'
import { problems } from './schemas.ts'

/** `POST /api/v1/agent/data`: what an agent saw. */
export function addDataRoute(app: App, { store, telemetry, now }: Context): void {
  const schema = {
    operationId: 'sendData',
    summary: 'Deliver reports',
    description:
      'All of the request is stored or nothing. A report that was delivered before is counted as a duplicate and skipped. `Content-Encoding: gzip` is understood.',
    tags: ['agents'],
    security: [{ agent: [] }],
    body: dataRequestSchema,
    success: 'All is stored. Says how many of the reports were new.',
    response: { 202: dataResponseSchema, ...problems(400, 403, 408, 413, 415, 422) },
  }
  const config = { access: 'agent', sizeAdvice: 'Send fewer reports in one request.' } as const
  app.post(AGENT_PATHS.data, { config, schema }, async (request, reply) => {
    const token = tokenOf(request)
    const reports = request.body.reports as readonly Report[]
    for (const [index, report] of reports.entries())
      assertType(token, report.agent_type, ['reports', index, 'agent_type'])
    const outcome = await store.signals.write(
      token.environment,
      token.agentType,
      reports.map((report) => ({ ...report, agent_id: report.agent_id.toLowerCase() })),
      now(),
    )
    telemetry.ingested(outcome, {
      points: reports.reduce((sum, report) => sum + report.data.metrics.length, 0),
      events: reports.reduce((sum, report) => sum + report.data.events.length, 0),
    })
    return reply.code(202).send(outcome)
  })
}
