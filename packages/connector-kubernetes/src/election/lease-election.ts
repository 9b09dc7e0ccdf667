import { setTimeout as sleep } from 'node:timers/promises'
import type { Connector } from '@rca/core/connector'
import type { KubernetesApi } from '../api/kubernetes-api.ts'
import { createLease, type Lease, type LeaseName, type LeaseRecord, readLease, updateLease } from './lease-api.ts'

export interface ElectionTiming {
  /** A leader that has not renewed its lease for so long may be replaced. */
  readonly leaseDurationMs: number
  /** Interval in which a leader renews its lease and a standby checks it. */
  readonly retryIntervalMs: number
  /** A leader that could not renew its lease for so long steps down, before another one takes over. */
  readonly renewTimeoutMs: number
}

/** Another agent takes over within 12 s after a leader was killed, and at once after it stopped in order. */
const TIMING: ElectionTiming = { leaseDurationMs: 10_000, retryIntervalMs: 2_000, renewTimeoutMs: 7_000 }

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
  client: ElectionClient,
  context: ElectionContext,
  timing: ElectionTiming = TIMING,
): Promise<void> {
  const { lease_name: name } = client.config
  if (name === undefined) {
    context.promote()
    await aborted(context.signal)
    return
  }
  const lease = { name, namespace: client.api.namespace ?? DEFAULT_NAMESPACE }
  const candidate = createCandidate(client, lease, context, timing)
  try {
    while (!context.signal.aborted) {
      await candidate.check()
      await sleep(timing.retryIntervalMs, undefined, { signal: context.signal }).catch(() => undefined)
    }
  } finally {
    await candidate.release()
  }
}

function createCandidate(
  { api }: ElectionClient,
  name: LeaseName,
  { signal, instanceId, now, promote, demote }: ElectionContext,
  { leaseDurationMs, retryIntervalMs, renewTimeoutMs }: ElectionTiming,
) {
  let held: Lease | undefined
  let renewedAt = 0
  let observed: { readonly lease: Lease; readonly at: number } | undefined

  const recordOf = (holder: string): LeaseRecord => ({ holder, durationMs: leaseDurationMs, now: now() })
  const acquire = (lease: Lease): void => {
    held = lease
    renewedAt = performance.now()
    promote()
  }
  const stepDown = (): void => {
    held = undefined
    demote()
  }
  /** Returns whether a lease was released, or has not been renewed for its duration since it was first seen so. */
  const isFree = (lease: Lease): boolean => {
    if (observed?.lease.holder !== lease.holder || observed.lease.renewed !== lease.renewed)
      observed = { lease, at: performance.now() }
    return lease.holder === '' || lease.holder === instanceId || performance.now() - observed.at >= lease.durationMs
  }
  const attempt = async (timeout: AbortSignal): Promise<void> => {
    if (held !== undefined) {
      const renewed = await updateLease(api, name, held, recordOf(instanceId), timeout)
      if (renewed !== undefined) return acquire(renewed)
    }
    const found = await readLease(api, name, timeout)
    if (found === undefined) {
      const created = await createLease(api, name, recordOf(instanceId), timeout)
      return created === undefined ? stepDown() : acquire(created)
    }
    if (!isFree(found)) return stepDown()
    const taken = await updateLease(api, name, found, recordOf(instanceId), timeout)
    return taken === undefined ? stepDown() : acquire(taken)
  }

  return {
    /** Renews the lease, or takes it if it is free. @throws Error when the state of the lease is unknown */
    check: async (): Promise<void> => {
      try {
        await attempt(AbortSignal.any([signal, AbortSignal.timeout(Math.max(1, renewTimeoutMs - retryIntervalMs))]))
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
      await updateLease(api, name, held, recordOf(''), AbortSignal.timeout(RELEASE_TIMEOUT_MS)).catch(() => undefined)
      held = undefined
    },
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
