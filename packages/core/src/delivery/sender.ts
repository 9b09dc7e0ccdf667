import { type Backoff, fullJitter, waitAfter } from '../backoff.ts'
import { reasonOf } from '../errors/error-reason.ts'
import { PlatformError } from '../errors/platform-error.ts'
import type { Logger } from '../logger.ts'
import type { PlatformClient } from '../platform/client.ts'
import { type Failure, supervise } from '../supervise.ts'
import type { Outbox, OutboxEntry } from './outbox.ts'

/** JSON of one request. A single larger report is a request of its own. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024

/** After a refused token only an operator can help. */
const REFUSED_BACKOFF: Backoff = { baseMs: 30_000, maxMs: 600_000 }
const UNREACHABLE_BACKOFF: Backoff = { baseMs: 1_000, maxMs: 300_000 }

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

  let isFailing = false
  const deliverForever = async (signal: AbortSignal, settle: () => void): Promise<void> => {
    while (!signal.aborted) {
      notifier.reset()
      await drain(options, signal)
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
        await drain(options, signal)
        return true
      } catch (error) {
        log.debug({ waiting: outbox.state().reports, error: reasonOf(error) }, 'queue not fully delivered')
        return outbox.state().reports === 0
      }
    },
  }
}

async function drain(options: SenderOptions, signal: AbortSignal): Promise<void> {
  const { outbox, maxBatchSize } = options
  for (;;) {
    const batch = outbox.peek({ reports: maxBatchSize, bytes: MAX_BATCH_BYTES })
    if (batch.length === 0) return
    signal.throwIfAborted()
    await deliver(options, batch, signal)
  }
}

async function deliver(options: SenderOptions, batch: readonly OutboxEntry[], signal: AbortSignal): Promise<void> {
  const { client, outbox, log } = options
  const bodies = (await Promise.all(batch.map(outbox.read))).flatMap((body) => body ?? [])
  if (bodies.length < batch.length) options.onDrop?.()
  if (bodies.length === 0) return
  try {
    await client.sendReports(bodies, signal)
    await outbox.remove(batch)
  } catch (error) {
    if (!(error instanceof PlatformError) || error.retryable) throw error
    // The platform will never accept this batch. Halve it until the refused report is alone.
    if (batch.length > 1) {
      const middle = Math.ceil(batch.length / 2)
      await deliver(options, batch.slice(0, middle), signal)
      await deliver(options, batch.slice(middle), signal)
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
