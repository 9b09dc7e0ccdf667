import { z } from 'zod'
import type { App, Context } from '../http/context.ts'
import { problems } from '../http/openapi-schemas.ts'
import { unavailable } from '../http/problem-error.ts'
import { dataFlowOf } from '../store/data-flow.ts'
import { StorageError } from '../store/storage-error.ts'

const okSchema = z.object({ status: z.literal('ok') })

/** Liveness, readiness and metrics of the API itself. */
export function addOperationRoutes(app: App, { store, telemetry, now, heartbeatSeconds }: Context): void {
  const tags = ['operations']
  const alive = {
    tags,
    operationId: 'isAlive',
    summary: 'Check that the process is alive',
    success: 'The process is alive.',
    response: { 200: okSchema },
  }
  app.get('/healthz', { config: { access: 'public' }, schema: alive }, () => ({ status: 'ok' as const }))

  const ready = {
    tags,
    operationId: 'isReady',
    summary: 'Check that the store can be used',
    description:
      'Answers 503 when the database is deleted, truncated, damaged or read-only, when its disk is full, and when the last write failed.',
    success: 'The store can be used.',
    response: { 200: okSchema, 503: problems()[503] },
  }
  app.get('/readyz', { config: { access: 'public' }, schema: ready }, async () => {
    try {
      await store.ping()
    } catch (error) {
      throw error instanceof StorageError ? error : unavailable('The store cannot be used.', 10, error)
    }
    return { status: 'ok' as const }
  })

  const metrics = {
    tags,
    operationId: 'readTelemetry',
    summary: 'Read the metrics of the API itself, for Prometheus',
    response: {
      200: { description: 'Metrics in Prometheus’ text format.', content: { 'text/plain': { schema: z.string() } } },
      ...problems(),
    },
  }
  app.get('/metrics', { config: { access: ['read'] }, schema: metrics }, async (_request, reply) => {
    reply.header('content-type', telemetry.contentType).serializer((text: unknown) => String(text))
    const flows = await store.agents.dataFlows()
    telemetry.recordDataFlow(flows.map((agent) => dataFlowOf(agent, now(), heartbeatSeconds).status))
    return telemetry.text()
  })
}
