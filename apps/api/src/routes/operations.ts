import { z } from 'zod'
import type { App, Context } from '../http/context.ts'
import { unavailable } from '../http/problem-error.ts'
import { problems } from './schemas.ts'

const fine = z.object({ status: z.literal('ok') })

/** Whether the API lives, whether it can work, and what it measures of itself. */
export function addOperationRoutes(app: App, { store, telemetry }: Context): void {
  const tags = ['operations']
  const alive = {
    tags,
    operationId: 'isAlive',
    summary: 'Whether the process lives',
    success: 'It lives.',
    response: { 200: fine },
  }
  app.get('/healthz', { config: { access: 'public' }, schema: alive }, () => ({ status: 'ok' as const }))

  const ready = {
    tags,
    operationId: 'isReady',
    summary: 'Whether the store can be used',
    success: 'It can.',
    response: { 200: fine, 503: problems()[503] },
  }
  app.get('/readyz', { config: { access: 'public' }, schema: ready }, async () => {
    try {
      await store.ping()
    } catch (error) {
      throw unavailable('The store cannot be used.', 10, error)
    }
    return { status: 'ok' as const }
  })

  const measured = {
    tags,
    security: [{ admin: [] }],
    operationId: 'readTelemetry',
    summary: 'What the API measures of itself, for Prometheus',
    response: {
      200: { description: 'Prometheus’ text format.', content: { 'text/plain': { schema: z.string() } } },
      ...problems(),
    },
  }
  app.get('/metrics', { config: { access: 'admin' }, schema: measured }, async (_request, reply) => {
    reply.header('content-type', telemetry.contentType).serializer((text: unknown) => String(text))
    return telemetry.text()
  })
}
