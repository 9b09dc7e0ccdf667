import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Connector } from '@rca/core/connector'
import type { KubernetesApi } from '../api/kubernetes-api.ts'
import { timeoutSignal } from '../timeout-signal.ts'
import { type Lease, type LeaseRecord, leaseApi } from './lease-api.ts'

/** Another agent takes over within 12 s after a leader was killed, and at once after it stopped in order. */
const TIMING = {
  /** A leader that has not renewed its lease for so long may be replaced. */
  leaseDurationMs: 10_000,
  /** Interval in which a leader renews its lease and a standby checks it. */
  retryIntervalMs: 2_000,
  /** A leader that could not renew its lease for so long steps down, before another one takes over. */
  renewTimeoutMs: 7_000,
}

/** How long a stopping leader may take to release its lease. */
const RELEASE_TIMEOUT_MS = 2_000

const DEFAULT_NAMESPACE = 'default'

/** The part of the client that an election needs. */
export interface ElectionClient {
  readonly config: { readonly lease_name?: string | undefined }
  readonly api: Pick<KubernetesApi, 'get' | 'create' | 'replace' | 'namespace'>
}

export type ElectionContext = Pick<
  Parameters<NonNullable<Connector['election']>['run']>[1],
  'signal' | 'instanceId' | 'now' | 'promote' | 'demote'
>

/**
 * Leads while it holds the Lease `lease_name`, or always if that option is not set. Clocks of different machines are
 * never compared: a lease has expired once it has not changed for its duration, as measured here.
 */
export async function runElection(
  { config: { lease_name: name }, api }: ElectionClient,
  context: ElectionContext,
  timing = TIMING,
): Promise<void> {
  const { signal, promote } = context
  if (name === undefined) {
    promote()
    if (!signal.aborted) await once(signal, 'abort')
    return
  }
  const lease = leaseApi(api, name, api.namespace ?? DEFAULT_NAMESPACE)
  const candidate = createCandidate(lease, context, timing)
  try {
    while (!signal.aborted) {
      await candidate.check()
      await sleep(timing.retryIntervalMs, undefined, { signal }).catch(() => undefined)
    }
  } finally {
    await candidate.release()
  }
}

function createCandidate(
  lease: ReturnType<typeof leaseApi>,
  { signal, instanceId, now, promote, demote }: ElectionContext,
  { leaseDurationMs, retryIntervalMs, renewTimeoutMs }: typeof TIMING,
) {
  let held: Lease | undefined
  let renewedAt = 0
  let observed: { readonly lease: Lease; readonly at: number } | undefined

  const recordOf = (holder: string): LeaseRecord => ({ holder, durationMs: leaseDurationMs, now: now() })
  const acquire = (acquired: Lease): void => {
    held = acquired
    renewedAt = performance.now()
    promote()
  }
  const stepDown = (): void => {
    held = undefined
    demote()
  }
  /** Returns whether a lease was released, or has not been renewed for its duration since it was first seen so. */
  const isFree = (found: Lease): boolean => {
    if (observed?.lease.holder !== found.holder || observed.lease.renewed !== found.renewed)
      observed = { lease: found, at: performance.now() }
    return found.holder === '' || found.holder === instanceId || performance.now() - observed.at >= found.durationMs
  }
  const attempt = async (timeout: AbortSignal): Promise<void> => {
    if (held !== undefined) {
      const renewed = await lease.update(held, recordOf(instanceId), timeout)
      if (renewed !== undefined) return acquire(renewed)
    }
    const found = await lease.read(timeout)
    if (found !== undefined && !isFree(found)) return stepDown()
    const record = recordOf(instanceId)
    const taken = await (found === undefined ? lease.create(record, timeout) : lease.update(found, record, timeout))
    return taken === undefined ? stepDown() : acquire(taken)
  }

  return {
    /** Renews the lease, or takes it if it is free. @throws Error when the state of the lease is unknown */
    check: async (): Promise<void> => {
      try {
        await attempt(timeoutSignal(Math.max(1, renewTimeoutMs - retryIntervalMs), signal))
      } catch (error) {
        if (signal.aborted) return
        // A short outage of the server does not end a leader's term.
        if (held !== undefined && performance.now() - renewedAt < renewTimeoutMs) return
        stepDown()
        throw error
      }
    },
    /** Releases the lease, so that another agent can take it without waiting. */
    release: async (): Promise<void> => {
      if (held === undefined) return
      await lease.update(held, recordOf(''), AbortSignal.timeout(RELEASE_TIMEOUT_MS)).catch(() => undefined)
      held = undefined
    },
  }
}
