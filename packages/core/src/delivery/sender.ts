import { setTimeout as sleep } from 'node:timers/promises'
import { type Backoff, fullJitter } from '../backoff.ts'
import { PlatformError } from '../errors/platform-error.ts'
import type { Logger } from '../logger.ts'
import type { PlatformClient } from '../platform/client.ts'
import type { Outbox, OutboxEntry } from './outbox.ts'

/** Most bytes of JSON in one request; a single larger report goes alone. */
const BATCH_BYTES = 4 * 1024 * 1024

/** After a refused token only an operator helps: no hurry. */
const REFUSED: Backoff = { base: 30_000, cap: 600_000 }
const UNREACHABLE: Backoff = { base: 1_000, cap: 300_000 }

export interface SenderOptions {
  readonly client: Pick<PlatformClient, 'sendReports'>
  readonly outbox: Outbox
  readonly maxBatchSize: number
  readonly log: Logger
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
export function createSender({ client, outbox, maxBatchSize, log }: SenderOptions): Sender {
  let waiting: (() => void) | undefined
  let pending = false
  const awake = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      waiting = resolve
      signal.addEventListener('abort', () => resolve(), { once: true })
      if (pending || signal.aborted) resolve()
    })

  const deliver = async (batch: readonly OutboxEntry[], signal: AbortSignal): Promise<void> => {
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
        await deliver(batch.slice(0, middle), signal)
        await deliver(batch.slice(middle), signal)
        return
      }
      outbox.drop(batch)
      log.error({ report_id: batch[0]?.id, dropped: outbox.state().dropped }, `a report was given up: ${error.message}`)
    }
  }

  const drain = async (signal: AbortSignal): Promise<void> => {
    for (;;) {
      const batch = outbox.peek({ reports: maxBatchSize, bytes: BATCH_BYTES })
      if (batch.length === 0) return
      signal.throwIfAborted()
      await deliver(batch, signal)
    }
  }

  const run = async (signal: AbortSignal): Promise<void> => {
    let failures = 0
    while (!signal.aborted) {
      try {
        pending = false
        await drain(signal)
        if (failures > 0) log.info({}, 'delivery works again')
        failures = 0
        await awake(signal)
      } catch (error) {
        if (signal.aborted) return
        failures += 1
        const wait = waitAfter(error, failures)
        const fields = { failures, retry_in_ms: Math.round(wait), waiting: outbox.state().reports }
        if (failures === 1 && !(error instanceof PlatformError && error.refusedToken))
          log.warn(fields, `delivery failed and will be repeated: ${messageOf(error)}`)
        else log.debug(fields, `delivery failed: ${messageOf(error)}`)
        await sleep(wait, undefined, { signal }).catch(() => undefined)
      }
    }
  }

  return {
    run,
    wake: () => {
      pending = true
      waiting?.()
    },
    flush: async (signal) => {
      try {
        await drain(signal)
        return true
      } catch (error) {
        log.debug({ waiting: outbox.state().reports }, `not everything was delivered: ${messageOf(error)}`)
        return outbox.state().reports === 0
      }
    },
  }
}

function waitAfter(error: unknown, failures: number): number {
  if (!(error instanceof PlatformError)) return fullJitter(failures, UNREACHABLE)
  if (error.refusedToken) return REFUSED.base / 2 + fullJitter(failures, REFUSED)
  return Math.max(error.retryAfter ?? 0, fullJitter(failures, UNREACHABLE))
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
