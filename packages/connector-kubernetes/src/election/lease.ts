import { KubernetesError } from '../api/errors.ts'
import type { KubernetesApi } from '../api/kubernetes-api.ts'
import { fields, number, text } from '../kinds/fields.ts'

/** Who leads, as a Lease says it (coordination.k8s.io/v1). */
export interface Lease {
  /** Empty where nobody leads. */
  readonly holder: string
  /** Milliseconds after which a holder that has not renewed it leads no more. */
  readonly duration: number
  /** When its holder last renewed it, by its own clock: only whether it changed is looked at. */
  readonly renewed: string
  /** The object as the server wrote it: a replacement of another version is refused. */
  readonly raw: object
}

export interface LeaseName {
  readonly name: string
  readonly namespace: string
}

export const LEASES = {
  group: 'coordination.k8s.io',
  version: 'v1',
  resource: 'leases',
  kind: 'Lease',
  isNamespaced: true,
  verbs: ['get', 'create', 'update'],
}

/** `undefined` where there is none. */
export async function readLease(
  api: Pick<KubernetesApi, 'get'>,
  { name, namespace }: LeaseName,
  signal: AbortSignal,
): Promise<Lease | undefined> {
  const raw = await api.get(LEASES, { name, namespace }, signal)
  return raw === undefined ? undefined : toLease(raw)
}

/** Makes the lease. `undefined` where somebody else was faster. @throws KubernetesError that says how it comes into being, where it may not be made. */
export async function makeLease(
  api: Pick<KubernetesApi, 'create'>,
  { name, namespace }: LeaseName,
  holding: Holding,
  signal: AbortSignal,
): Promise<Lease | undefined> {
  const metadata = { name, namespace }
  const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec: specOf(holding, undefined) }
  try {
    return toLease(await api.create(namespace, lease, signal))
  } catch (error) {
    if (hasStatus(error, 409)) return undefined
    if (!hasStatus(error, 403)) throw error
    throw new KubernetesError(
      `\`lease_name\`: there is no Lease ${name} in namespace ${namespace}, and the agent may not make one. The chart makes it: install it again, or create the Lease`,
      { cause: error, status: 404 },
    )
  }
}

/** Who holds a lease from now on. */
export interface Holding {
  /** Empty to give it up. */
  readonly holder: string
  /** Milliseconds. */
  readonly duration: number
  readonly now: Date
}

/** Holds a lease, or gives it up. `undefined` where somebody else was faster. */
export async function writeLease(
  api: Pick<KubernetesApi, 'replace'>,
  { name, namespace }: LeaseName,
  { raw }: Pick<Lease, 'raw'>,
  holding: Holding,
  signal: AbortSignal,
): Promise<Lease | undefined> {
  try {
    return toLease(await api.replace(namespace, name, { ...raw, spec: specOf(holding, raw) }, signal))
  } catch (error) {
    if (hasStatus(error, 409) || hasStatus(error, 404)) return undefined
    throw error
  }
}

function specOf({ holder, duration, now }: Holding, raw: object | undefined): object {
  const before = fields(fields(raw).spec)
  // MicroTime has six digits.
  const moment = now.toISOString().replace('Z', '000Z')
  const isSame = text(before.holderIdentity) === holder
  return {
    ...before,
    holderIdentity: holder,
    leaseDurationSeconds: Math.max(1, Math.round(duration / 1000)),
    renewTime: moment,
    acquireTime: isSame ? (text(before.acquireTime) ?? moment) : moment,
    leaseTransitions: (number(before.leaseTransitions) ?? 0) + (isSame ? 0 : 1),
  }
}

function toLease(raw: unknown): Lease {
  const spec = fields(fields(raw).spec)
  return {
    holder: text(spec.holderIdentity) ?? '',
    duration: (number(spec.leaseDurationSeconds) ?? 0) * 1000,
    renewed: text(spec.renewTime) ?? '',
    raw: fields(raw),
  }
}

function hasStatus(error: unknown, status: number): boolean {
  return error instanceof KubernetesError && error.status === status
}
