import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { FastifyInstance } from 'fastify'
import { unavailable } from './problem-error.ts'

/** Measures how much later than planned the event loop runs timers: a sign of overload. */
export interface EventLoopDelay {
  /** Starts to measure. Counts no delay from before, such as the loading of modules. */
  start(): void
  stop(): void
  /** Mean delay in the last complete interval, in milliseconds; 0 before that. */
  readonly meanMs: number
}

const RESOLUTION_MS = 10
const SAMPLE_INTERVAL_MS = 1000

/** The part of Node's histogram of delays, in nanoseconds, that is read. */
type DelayHistogram = Pick<ReturnType<typeof monitorEventLoopDelay>, 'enable' | 'disable' | 'reset' | 'mean'>

export function createEventLoopDelay(
  histogram: DelayHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS }),
): EventLoopDelay {
  let timer: NodeJS.Timeout | undefined
  let meanMs = 0
  const sample = (): void => {
    const { mean } = histogram
    // Node measures the time between two timers of this resolution. An empty histogram has no mean.
    meanMs = Number.isNaN(mean) ? 0 : Math.max(0, mean / 1e6 - RESOLUTION_MS)
    histogram.reset()
  }
  return {
    start: () => {
      if (timer !== undefined) return
      histogram.reset()
      histogram.enable()
      timer = setInterval(sample, SAMPLE_INTERVAL_MS).unref()
    },
    stop: () => {
      clearInterval(timer)
      timer = undefined
      meanMs = 0
      histogram.disable()
    },
    get meanMs() {
      return meanMs
    },
  }
}

/**
 * Refuses requests while the event loop is late, except those that anybody may send. Measures from the moment when the
 * server listens. A limit of 0 refuses none.
 */
export function refuseWhenLate(app: FastifyInstance, maxDelayMs: number, delay: EventLoopDelay): void {
  if (maxDelayMs === 0) return
  app.addHook('onListen', async () => delay.start())
  app.addHook('onClose', async () => delay.stop())
  app.addHook('onRequest', async (request) => {
    if (delay.meanMs > maxDelayMs && request.routeOptions.config.access !== 'public')
      throw unavailable('The platform is busy. Try again later.', 5)
  })
}
