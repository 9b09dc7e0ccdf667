import { type Backoff, fullJitter, waitAfter } from '../backoff.ts'
import { reasonOf } from '../errors/error-reason.ts'
import { PlatformError } from '../errors/platform-error.ts'
import { createTimeSlice } from '../event-loop.ts'
import type { Logger } from '../logger.ts'
import type { PlatformClient } from '../platform/client.ts'
import type { ReportBody } from '../platform/report-body.ts'
import { type Failure, supervise } from '../supervise.ts'
import { createKnownSeriesSets, type KnownSeriesSets } from './known-series-sets.ts'
import type { Outbox, OutboxEntry } from './outbox.ts'

/** JSON of one request. A single larger report is a request of its own. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024

/** The platform does not know a set of series. */
const UNKNOWN_SET_STATUS = 409

/** After a refused token only an operator can help. */
const REFUSED_BACKOFF: Backoff = { baseMs: 30_000, maxMs: 600_000 }
const UNREACHABLE_BACKOFF: Backoff = { baseMs: 1_000, maxMs: 60_000 }

export interface SenderOptions {
  readonly client: Pick<PlatformClient, 'sendReports'>
  readonly outbox: Outbox
  readonly maxBatchSize: number
  readonly log: Logger
  /** Called when a report is dropped because the platform will never accept it. */
  readonly onDrop?: () => void
}

export type Sender = ReturnType<typeof createSender>

/** Delivers the outbox to the platform. */
export function createSender(options: SenderOptions) {
  const { outbox, log } = options
  const notifier = createNotifier()
  const sets = createKnownSeriesSets()

  let isFailing = false
  const deliverForever = async (signal: AbortSignal, settle: () => void): Promise<void> => {
    while (!signal.aborted) {
      notifier.reset()
      await drain(options, sets, signal)
      if (isFailing) log.info({}, 'delivery recovered')
      isFailing = false
      settle()
      await notifier.notified(signal)
    }
  }
  const onFailure = ({ error, failures, restartInMs }: Failure): void => {
    const fields = { failures, retry_in_ms: Math.round(restartInMs), waiting: outbox.state().reports }
    // The client logs a refused token, once for all calls.
    const level = isFailing || (error instanceof PlatformError && error.refusedToken) ? 'debug' : 'warn'
    log[level]({ ...fields, error: reasonOf(error) }, 'delivery failed, retrying')
    isFailing = true
  }

  return {
    /** Delivers the outbox, then after every `wake`; retries with backoff. Resolves when `signal` aborts. */
    run: (signal: AbortSignal): Promise<void> => supervise(deliverForever, { backoff: retryDelay, onFailure }, signal),
    /** Announces that the outbox holds reports. */
    wake: notifier.notify,
    /** Delivers everything now. Returns false if something is left. Never rejects. */
    flush: async (signal: AbortSignal): Promise<boolean> => {
      try {
        await drain(options, sets, signal)
        return true
      } catch (error) {
        log.debug({ waiting: outbox.state().reports, error: reasonOf(error) }, 'queue not fully delivered')
        return outbox.state().reports === 0
      }
    },
  }
}

async function drain(options: SenderOptions, sets: KnownSeriesSets, signal: AbortSignal): Promise<void> {
  const { outbox, maxBatchSize } = options
  for (;;) {
    const batch = outbox.peek({ reports: maxBatchSize, bytes: MAX_BATCH_BYTES })
    if (batch.length === 0) return
    signal.throwIfAborted()
    await deliver(options, sets, batch, signal)
  }
}

async function deliver(
  options: SenderOptions,
  sets: KnownSeriesSets,
  batch: readonly OutboxEntry[],
  signal: AbortSignal,
): Promise<void> {
  const { client, outbox, log } = options
  const { bodies, isShortened } = await readBodies(outbox, sets, batch)
  if (bodies.length < batch.length) options.onDrop?.()
  if (bodies.length === 0) return
  try {
    const { series_sets = [] } = await client.sendReports(bodies, signal)
    sets.add(series_sets)
    await outbox.remove(batch)
  } catch (error) {
    if (isShortened && isRefused(error)) {
      // A platform of an earlier version does not accept values of sets, and any platform may have forgotten a set.
      sets.forget()
      return deliver(options, sets, batch, signal)
    }
    if (!(error instanceof PlatformError) || error.retryable) throw error
    // The platform will never accept this batch. Halve it until the refused report is alone.
    if (batch.length > 1) {
      const middle = Math.ceil(batch.length / 2)
      await deliver(options, sets, batch.slice(0, middle), signal)
      await deliver(options, sets, batch.slice(middle), signal)
      return
    }
    const [refused] = batch
    if (refused === undefined) return
    await outbox.refuse(refused, error.message)
    options.onDrop?.()
    const fields = { report_id: refused.id, dropped: outbox.state().dropped, error: error.message }
    log.error(fields, 'report dropped: the platform refused it')
  }
}

/** Reads reports, and shortens those with known sets of series. */
async function readBodies(
  outbox: Outbox,
  sets: KnownSeriesSets,
  batch: readonly OutboxEntry[],
): Promise<{ readonly bodies: readonly ReportBody[]; readonly isShortened: boolean }> {
  const bodies: ReportBody[] = []
  let isShortened = false
  const slice = createTimeSlice()
  for (const [index, body] of (await Promise.all(batch.map(outbox.read))).entries()) {
    if (body === undefined) continue
    const short = sets.shorten(body, batch[index]?.bytes ?? 0)
    isShortened ||= short !== body
    bodies.push(short)
    if (slice.isOver()) await slice.next()
  }
  return { bodies, isShortened }
}

/** Returns true if the platform does not know a set of series, or will never accept the request. */
function isRefused(error: unknown): boolean {
  return error instanceof PlatformError && (error.status === UNKNOWN_SET_STATUS || !error.retryable)
}

/** Wakes a waiting loop. Remembers a notification that arrives while nothing waits. */
function createNotifier() {
  let isNotified = false
  let listener: (() => void) | undefined
  return {
    notify: (): void => {
      isNotified = true
      listener?.()
    },
    reset: (): void => {
      isNotified = false
    },
    /** Resolves after a notification since `reset`, or when `signal` aborts. */
    notified: (signal: AbortSignal) =>
      new Promise<void>((resolve) => {
        const end = (): void => {
          signal.removeEventListener('abort', end)
          listener = undefined
          resolve()
        }
        listener = end
        signal.addEventListener('abort', end, { once: true })
        if (isNotified || signal.aborted) end()
      }),
  }
}

function retryDelay(failures: number, error: unknown): number {
  if (!(error instanceof PlatformError)) return fullJitter(failures, UNREACHABLE_BACKOFF)
  if (error.refusedToken) return REFUSED_BACKOFF.baseMs / 2 + fullJitter(failures, REFUSED_BACKOFF)
  const backoff = fullJitter(failures, UNREACHABLE_BACKOFF)
  return error.retryAfter === undefined ? backoff : Math.max(waitAfter(error.retryAfter), backoff)
}
