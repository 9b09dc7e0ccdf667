import { toMilliseconds } from '@rca/core'
import Fastify, { type FastifyBaseLogger, LogController } from 'fastify'
import { serializerCompiler } from 'fastify-type-provider-zod'
import type { CompleteApiOptions } from '../options/api-options.ts'
import { toFastifyTrust } from '../options/trust-proxy.ts'
import { addAgentRoutes } from '../routes/agents.ts'
import { addChartRoutes } from '../routes/charts.ts'
import { addDataRoute } from '../routes/data.ts'
import { addEntityRoute } from '../routes/entities.ts'
import { addEnvironmentRoutes } from '../routes/environments.ts'
import { addEventRoute } from '../routes/events.ts'
import { addGapRoute } from '../routes/gaps.ts'
import { addHeartbeatRoute } from '../routes/heartbeat.ts'
import { addMetricRoute } from '../routes/metrics.ts'
import { addOperationRoutes } from '../routes/operations.ts'
import { addProvisionRoute } from '../routes/provision.ts'
import { addSeriesRoute } from '../routes/series.ts'
import { addTokenRoutes } from '../routes/tokens.ts'
import { addTypeRoutes } from '../routes/types.ts'
import { admitRequests } from './admission.ts'
import { createAuthenticate } from './authentication.ts'
import { createBrokenHttp } from './broken-http.ts'
import type { App, Context } from './context.ts'
import { handleError } from './error-handler.ts'
import { describeRoutes, reference } from './openapi.ts'
import { ProblemError } from './problem-error.ts'
import { createRouteMap, type RouteMap } from './route-map.ts'
import { createTelemetry } from './telemetry.ts'
import { validatorCompiler } from './validation.ts'

/** Bytes of agents' bodies in memory at the same time, as a multiple of the largest body. */
const HELD_BODIES = 4

/** How long a request may take to arrive, in milliseconds. */
const REQUEST_TIMEOUT = 60_000

const ROUTES = [
  addProvisionRoute,
  addTypeRoutes,
  addChartRoutes,
  addDataRoute,
  addHeartbeatRoute,
  addEnvironmentRoutes,
  addTokenRoutes,
  addAgentRoutes,
  addEntityRoute,
  addSeriesRoute,
  addGapRoute,
  addMetricRoute,
  addEventRoute,
  addOperationRoutes,
]

/** Builds the HTTP side of the API: what every request passes, then the routes. */
export async function createApp(
  options: CompleteApiOptions & { readonly adminToken: string },
  context: Omit<Context, 'telemetry'>,
): Promise<App> {
  const broken = createBrokenHttp()
  const app = Fastify({
    ...(options.log === undefined ? { logger: false as const } : { loggerInstance: options.log as FastifyBaseLogger }),
    bodyLimit: options.bodyLimitDecoded,
    requestTimeout: REQUEST_TIMEOUT,
    trustProxy: toFastifyTrust(options.trustProxy),
    // What was accepted before a shutdown is finished, and so is what follows on its connection.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    logController: new LogController({ disableRequestLogging: true }),
    routerOptions: { maxParamLength: 512 },
    frameworkErrors: handleError,
    clientErrorHandler: broken.answer,
    // Node's own refusal is no problem document: `broken` has one.
    http: { requireHostHeader: false },
  }).withTypeProvider() as unknown as App
  broken.watch(app)
  const routes = createRouteMap(app)
  app.decorate('routeMap', routes)
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(options.checkResponses ? serializerCompiler : () => JSON.stringify)
  app.setErrorHandler(handleError)

  const telemetry = createTelemetry(app)
  await admitRequests(app, {
    authenticate: createAuthenticate({
      adminToken: options.adminToken,
      access: context.store.access,
      now: context.now,
    }),
    notFound: (request) => notFound(routes, request.method, request.url),
    rateLimits: { perToken: options.rateLimit, perAddress: options.rateLimitUnauthenticated },
    bodyLimits: {
      encoded: options.bodyLimit,
      decoded: options.bodyLimitDecoded,
      arrival: toMilliseconds(options.bodyTimeout),
    },
    maxConcurrent: options.maxConcurrentRequests,
    maxHeldBytes: HELD_BODIES * options.bodyLimitDecoded,
  })
  endConnectionsOnClose(app)
  await describeRoutes(app, { version: '1', publicUrl: context.publicUrl })
  for (const add of ROUTES) add(app, { ...context, telemetry })
  await app.register(reference)
  await app.ready()
  return app
}

/** A connection that is busy when the shutdown begins ends with its answer, instead of staying open for a next request. */
function endConnectionsOnClose(app: App): void {
  let closing = false
  app.addHook('preClose', async () => {
    closing = true
  })
  app.addHook('onSend', async (_request, reply) => {
    if (closing) reply.header('connection', 'close')
  })
}

function notFound(routes: RouteMap, method: string, url: string): ProblemError {
  const path = url.split('?')[0] ?? url
  const allowed = routes.methodsOf(path)
  if (allowed.length === 0) return new ProblemError(404, 'There is no such route. `GET /openapi.json` lists them all.')
  return new ProblemError(405, `This route does not answer ${method}. It answers ${allowed.join(', ')}.`, {
    headers: { allow: allowed.join(', ') },
  })
}
