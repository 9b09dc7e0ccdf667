import { toMilliseconds } from '@rca/core'
import Fastify, { type FastifyBaseLogger, LogController } from 'fastify'
import { serializerCompiler } from 'fastify-type-provider-zod'
import type { CompleteApiOptions } from '../options/api-options.ts'
import { toFastifyTrust } from '../options/trust-proxy.ts'
import { admitRequests } from './admission.ts'
import { createAuditTrail } from './audit-trail.ts'
import { createAuthenticate } from './authentication.ts'
import { createBrokenHttp } from './broken-http.ts'
import type { Certificate } from './certificate.ts'
import type { AddRoutes, App, Context } from './context.ts'
import { createErrorHandler } from './error-handler.ts'
import { describeRoutes, reference } from './openapi.ts'
import { createRetrySpread } from './retry-after.ts'
import { createRouteMap } from './route-map.ts'
import { createTelemetry } from './telemetry.ts'
import { validatorCompiler } from './validation.ts'

/** Time for a request to arrive. */
const REQUEST_TIMEOUT_MS = 60_000

/** Creates the HTTP server: the checks of every request, then the routes. */
export async function createApp(
  options: CompleteApiOptions & { readonly adminToken: string; readonly certificate?: Certificate | undefined },
  context: Omit<Context, 'telemetry' | 'auditTrail'>,
  routes: readonly AddRoutes[],
): Promise<App> {
  const broken = createBrokenHttp()
  const handleError = createErrorHandler(createRetrySpread(options.maxConcurrentRequests))
  // `broken` answers with a problem document, which Node's own refusal lacks.
  const http = { requireHostHeader: false }
  const app = Fastify({
    ...(options.log === undefined ? { logger: false as const } : { loggerInstance: options.log as FastifyBaseLogger }),
    bodyLimit: options.bodyLimitDecoded,
    requestTimeout: REQUEST_TIMEOUT_MS,
    trustProxy: toFastifyTrust(options.trustProxy),
    // Finishes requests that were accepted before a shutdown, and those that follow on their connections.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    logController: new LogController({ disableRequestLogging: true }),
    routerOptions: { maxParamLength: 512 },
    frameworkErrors: handleError,
    clientErrorHandler: broken.answer,
    ...(options.certificate === undefined ? { http } : { https: { ...http, ...options.certificate } }),
  }).withTypeProvider() as unknown as App
  broken.watch(app)
  const routeMap = createRouteMap(app)
  app.decorate('routeMap', routeMap)
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(options.checkResponses ? serializerCompiler : () => JSON.stringify)
  app.setErrorHandler(handleError)

  const telemetry = createTelemetry(app, context.store)
  const auditTrail = createAuditTrail(app, {
    audit: context.store.audit,
    now: context.now,
    retentionMs: toMilliseconds(options.auditRetention),
  })
  const authenticate = createAuthenticate(options.adminToken, context.store, context.now)
  await admitRequests(app, options, authenticate, routeMap.notFound)
  endConnectionsOnClose(app)
  protectResponses(app)
  await describeRoutes(app, { version: '1', publicUrl: context.publicUrl })
  for (const addRoutes of routes) addRoutes(app, { ...context, telemetry, auditTrail })
  await app.register(reference)
  await app.ready()
  return app
}

/** Keeps responses out of caches and frames, unless a route says otherwise. */
function protectResponses(app: App): void {
  app.addHook('onSend', async (_request, reply) => {
    reply.header('x-content-type-options', 'nosniff').header('referrer-policy', 'no-referrer')
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store')
    if (!reply.hasHeader('content-security-policy'))
      reply.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
  })
}

/** Closes connections that are busy at the shutdown after their response, instead of waiting for another request. */
function endConnectionsOnClose(app: App): void {
  let closing = false
  app.addHook('preClose', async () => {
    closing = true
  })
  app.addHook('onSend', async (_request, reply) => {
    if (closing) reply.header('connection', 'close')
  })
}
