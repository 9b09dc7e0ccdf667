import { setTimeout as sleep } from 'node:timers/promises'
import type { KubernetesClient } from '../kubernetes-client.ts'
import { type Holding, type Lease, type LeaseName, makeLease, readLease, writeLease } from './lease.ts'

/** Milliseconds. */
export interface ElectionTiming {
  /** After so long without a renewal a leader leads no more. */
  readonly duration: number
  /** How often a leader renews its lease, and a standby looks at it. */
  readonly every: number
  /** A leader that could not renew its lease for so long stands back, before another takes over. */
  readonly patience: number
}

/** Another takes over at most 12 s after a leader was killed, and at once where it stopped in order. */
const TIMING: ElectionTiming = { duration: 10_000, every: 2_000, patience: 7_000 }

/** How long a leader that stops may take to give up its lease, in milliseconds. */
const RELEASE = 2_000

/** Where an agent that is not told its namespace looks for its lease. */
const NAMESPACE = 'default'

/** What an election needs of a client. */
export type ElectionClient = Pick<KubernetesClient, 'config'> & {
  readonly api: Pick<KubernetesClient['api'], 'get' | 'create' | 'replace' | 'namespace'>
}

/** What core gives. */
export interface Candidacy {
  readonly signal: AbortSignal
  readonly instanceId: string
  now(): Date
  promote(): void
  demote(): void
}

/**
 * Leads while it holds the Lease `lease_name`; without that name it is alone, and leads. Clocks of different machines are never
 * compared: a holder is gone once its lease has not changed for its duration, measured here.
 */
export async function stand(client: ElectionClient, candidacy: Candidacy, timing = TIMING): Promise<void> {
  const { lease_name: name } = client.config
  if (name === undefined) {
    candidacy.promote()
    await aborted(candidacy.signal)
    return
  }
  const candidate = createCandidate(client, { name, namespace: client.api.namespace ?? NAMESPACE }, candidacy, timing)
  try {
    while (!candidacy.signal.aborted) {
      await candidate.look()
      await sleep(timing.every, undefined, { signal: candidacy.signal }).catch(() => undefined)
    }
  } finally {
    await candidate.release()
  }
}

function createCandidate(
  { api }: ElectionClient,
  place: LeaseName,
  { signal, instanceId, now, promote, demote }: Candidacy,
  { duration, every, patience }: ElectionTiming,
) {
  let held: Lease | undefined
  let heldAt = 0
  let seen: { readonly lease: Lease; readonly at: number } | undefined

  const holding = (holder: string): Holding => ({ holder, duration, now: now() })
  const hold = (lease: Lease): void => {
    held = lease
    heldAt = performance.now()
    promote()
  }
  const letGo = (): void => {
    held = undefined
    demote()
  }
  /** Whether the lease is nobody's: given up, or not renewed for its whole duration since it was first seen so. */
  const isFree = (lease: Lease): boolean => {
    if (seen?.lease.holder !== lease.holder || seen.lease.renewed !== lease.renewed)
      seen = { lease, at: performance.now() }
    return lease.holder === '' || lease.holder === instanceId || performance.now() - seen.at >= lease.duration
  }
  const attempt = async (asked: AbortSignal): Promise<void> => {
    if (held !== undefined) {
      const renewed = await writeLease(api, place, held, holding(instanceId), asked)
      if (renewed !== undefined) return hold(renewed)
    }
    const found = await readLease(api, place, asked)
    if (found === undefined) {
      const made = await makeLease(api, place, holding(instanceId), asked)
      return made === undefined ? letGo() : hold(made)
    }
    if (!isFree(found)) return letGo()
    const taken = await writeLease(api, place, found, holding(instanceId), asked)
    return taken === undefined ? letGo() : hold(taken)
  }

  return {
    /** Renews the lease, or takes it where it is free. @throws Error when that cannot be known. */
    look: async (): Promise<void> => {
      try {
        await attempt(AbortSignal.any([signal, AbortSignal.timeout(Math.max(1, patience - every))]))
      } catch (error) {
        if (signal.aborted) return
        // A server that is away for a moment costs nobody the lead.
        if (held !== undefined && performance.now() - heldAt < patience) return
        letGo()
        throw error
      }
    },
    /** Gives the lease up, so that another need not wait until it has run out. */
    release: async (): Promise<void> => {
      if (held === undefined) return
      await writeLease(api, place, held, holding(''), AbortSignal.timeout(RELEASE)).catch(() => undefined)
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
