import { type Backoff, fullJitter } from '../backoff.ts'
import { reasonOf } from '../errors/error-reason.ts'
import { PlatformError } from '../errors/platform-error.ts'
import type { Logger } from '../logger.ts'
import type { PlatformClient } from '../platform/client.ts'
import { type Failure, supervise } from '../supervise.ts'
import type { Outbox, OutboxEntry } from './outbox.ts'

/** Most bytes of JSON in one request; a single larger report goes alone. */
const BATCH_BYTES = 4 * 1024 * 1024

/** After a refused token only an operator can help. */
const REFUSED_BACKOFF: Backoff = { baseMs: 30_000, maxMs: 600_000 }
const UNREACHABLE_BACKOFF: Backoff = { baseMs: 1_000, maxMs: 300_000 }

/** Longest wait that the platform can ask for. */
const MAX_RETRY_AFTER_MS = 3_600_000

export interface SenderOptions {
  readonly client: Pick<PlatformClient, 'sendReports'>
  readonly outbox: Outbox
  readonly maxBatchSize: number
  readonly log: Logger
  /** Told when the platform will never take a report. */
  readonly onGivenUp?: () => void
}

/** Carries what is in the outbox to the platform. */
export interface Sender {
  /** Delivers until the outbox is empty, then at every `wake`; waits longer after every failure. Resolves when `signal` aborts. */
  run(signal: AbortSignal): Promise<void>
  /** There is something to deliver. */
  wake(): void
  /** Delivers everything now. `false` when something is left. Never rejects. */
  flush(signal: AbortSignal): Promise<boolean>
}

/** A sender over an outbox. */
export function createSender(options: SenderOptions): Sender {
  const { outbox, log } = options
  const bell = createBell()

  let isFailing = false
  const deliverForever = async (signal: AbortSignal, settle: () => void): Promise<void> => {
    while (!signal.aborted) {
      bell.clear()
      await drain(options, signal)
      if (isFailing) log.info({}, 'delivery works again')
      isFailing = false
      settle()
      await bell.heard(signal)
    }
  }
  const onFailure = ({ error, failures, restartInMs }: Failure): void => {
    const fields = { failures, retry_in_ms: Math.round(restartInMs), waiting: outbox.state().reports }
    if (!isFailing && !(error instanceof PlatformError && error.refusedToken))
      log.warn(fields, `delivery failed and will be repeated: ${reasonOf(error)}`)
    else log.debug(fields, `delivery failed: ${reasonOf(error)}`)
    isFailing = true
  }

  return {
    run: (signal) => supervise(deliverForever, { backoff: retryDelay, onFailure }, signal),
    wake: bell.ring,
    flush: async (signal) => {
      try {
        await drain(options, signal)
        return true
      } catch (error) {
        log.debug({ waiting: outbox.state().reports }, `not everything was delivered: ${reasonOf(error)}`)
        return outbox.state().reports === 0
      }
    },
  }
}

async function drain(options: SenderOptions, signal: AbortSignal): Promise<void> {
  const { outbox, maxBatchSize } = options
  for (;;) {
    const batch = outbox.peek({ reports: maxBatchSize, bytes: BATCH_BYTES })
    if (batch.length === 0) return
    signal.throwIfAborted()
    await deliver(options, batch, signal)
  }
}

async function deliver(options: SenderOptions, batch: readonly OutboxEntry[], signal: AbortSignal): Promise<void> {
  const { client, outbox, log } = options
  try {
    await client.sendReports(
      batch.map((entry) => entry.json),
      signal,
    )
    outbox.remove(batch)
  } catch (error) {
    if (!(error instanceof PlatformError) || error.retryable) throw error
    // The platform will never take this batch. Halve it until the report that it objects to stands alone: one must not cost the others.
    if (batch.length > 1) {
      const middle = Math.ceil(batch.length / 2)
      await deliver(options, batch.slice(0, middle), signal)
      await deliver(options, batch.slice(middle), signal)
      return
    }
    outbox.drop(batch)
    options.onGivenUp?.()
    log.error({ report_id: batch[0]?.id, dropped: outbox.state().dropped }, `a report was given up: ${error.message}`)
  }
}

/** Remembers a ring until it is heard, so that none is lost while nobody listens. */
interface Bell {
  readonly ring: () => void
  clear(): void
  /** Resolves when it has rung since `clear`, or when `signal` aborts. */
  heard(signal: AbortSignal): Promise<void>
}

function createBell(): Bell {
  let rung = false
  let listener: (() => void) | undefined
  return {
    ring: () => {
      rung = true
      listener?.()
    },
    clear: () => {
      rung = false
    },
    heard: (signal) =>
      new Promise((resolve) => {
        const end = (): void => {
          signal.removeEventListener('abort', end)
          listener = undefined
          resolve()
        }
        listener = end
        signal.addEventListener('abort', end, { once: true })
        if (rung || signal.aborted) end()
      }),
  }
}

function retryDelay(failures: number, error: unknown): number {
  if (!(error instanceof PlatformError)) return fullJitter(failures, UNREACHABLE_BACKOFF)
  if (error.refusedToken) return REFUSED_BACKOFF.baseMs / 2 + fullJitter(failures, REFUSED_BACKOFF)
  return Math.max(Math.min(error.retryAfter ?? 0, MAX_RETRY_AFTER_MS), fullJitter(failures, UNREACHABLE_BACKOFF))
}
