import type { FastifyInstance } from 'fastify'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { DATA_FLOW } from '../store/data-flow.ts'
import type { Store, WriteOutcome } from '../store/store.ts'

/** Metrics of the API itself, for Prometheus. Each API has a registry of its own. */
export interface Telemetry {
  /** Counts the reports of one request, and their signals. */
  recordIngest(outcome: WriteOutcome, signals: { readonly points: number; readonly events: number }): void
  /** Counts agents by whether their data flows. */
  recordDataFlow(statuses: readonly (typeof DATA_FLOW)[number][]): void
  /** Returns all metrics in Prometheus' text format. */
  text(): Promise<string>
  readonly contentType: string
}

/**
 * Default metrics that read `process._getActiveHandles()`. In Node 26 it can abort the process while handles are
 * closed. `nodejs_active_resources` has the same numbers.
 */
const UNSAFE_METRICS = [
  'nodejs_active_handles',
  'nodejs_active_handles_total',
  'nodejs_active_requests',
  'nodejs_active_requests_total',
] as const

/** Measures every request of an app by method, route and status. */
export function createTelemetry(app: FastifyInstance, store: Pick<Store, 'sizes'>): Telemetry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const name of UNSAFE_METRICS) registry.removeSingleMetric(name)
  const duration = new Histogram({
    name: 'rca_api_http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its response.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [registry],
  })
  const counter = (name: string, help: string): Counter => new Counter({ name, help, registers: [registry] })
  const reports = counter('rca_api_reports_accepted_total', 'Reports stored.')
  const duplicates = counter('rca_api_reports_duplicate_total', 'Reports that had been stored before.')
  const points = counter('rca_api_points_received_total', 'Points in the requests that were stored.')
  const events = counter('rca_api_events_received_total', 'Events in the requests that were stored.')
  const dropped = new Counter({
    name: 'rca_api_signals_dropped_total',
    help: 'Signals that were not stored, because of the limits of their agent or of its environment.',
    labelNames: ['signal', 'limit'],
    registers: [registry],
  })
  const agents = new Gauge({
    name: 'rca_api_agents',
    help: 'Agents by whether their data flows: `stalled` ones send heartbeats, but no reports.',
    labelNames: ['data'],
    registers: [registry],
  })

  const storage = new Gauge({
    name: 'rca_api_store_bytes',
    help: 'Size of the database, of its write-ahead log, and of the free space on their disk.',
    labelNames: ['part'],
    registers: [registry],
    collect: () => {
      const { databaseBytes, walBytes, freeBytes } = store.sizes()
      storage.set({ part: 'database' }, databaseBytes)
      storage.set({ part: 'wal' }, walBytes)
      storage.set({ part: 'free' }, freeBytes)
    },
  })

  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none'
    duration.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000)
  })

  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    recordDataFlow: (statuses) => {
      for (const data of DATA_FLOW) agents.set({ data }, statuses.filter((status) => status === data).length)
    },
    recordIngest: (outcome, signals) => {
      reports.inc(outcome.accepted)
      duplicates.inc(outcome.duplicates)
      points.inc(signals.points)
      events.inc(signals.events)
      for (const { signal, limit, count } of outcome.dropped) dropped.inc({ signal, limit }, count)
    },
  }
}
