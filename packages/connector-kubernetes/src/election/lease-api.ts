import { KubernetesError } from '../api/errors.ts'
import type { KubernetesApi } from '../api/kubernetes-api.ts'
import { fields, number, text } from '../kinds/fields.ts'

/** A Lease (coordination.k8s.io/v1). */
export interface Lease {
  /** Empty for a released lease. */
  readonly holder: string
  /** The lease expires if its holder has not renewed it for so long. */
  readonly durationMs: number
  /** Time of the last renewal, by the holder's clock: compared only for equality. */
  readonly renewed: string
  /** The object of the server. It refuses to replace another version. */
  readonly raw: object
}

export const LEASES = {
  group: 'coordination.k8s.io',
  version: 'v1',
  resource: 'leases',
  kind: 'Lease',
  isNamespaced: true,
  verbs: ['get', 'create', 'update'],
}

/** The new content of a lease. */
export interface LeaseRecord {
  /** Empty to release the lease. */
  readonly holder: string
  readonly durationMs: number
  readonly now: Date
}

/** Reads and writes one Lease. */
export function leaseApi(api: Pick<KubernetesApi, 'get' | 'create' | 'replace'>, name: string, namespace: string) {
  return {
    /** Returns `undefined` if the lease does not exist. */
    read: async (signal: AbortSignal): Promise<Lease | undefined> => {
      const raw = await api.get(LEASES, { name, namespace }, signal)
      return raw === undefined ? undefined : toLease(raw)
    },
    /**
     * Returns `undefined` if another agent was faster.
     *
     * @throws KubernetesError that says what to do if the agent may not create it
     */
    create: async (record: LeaseRecord, signal: AbortSignal): Promise<Lease | undefined> => {
      const metadata = { name, namespace }
      const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec: specOf(record, undefined) }
      try {
        return toLease(await api.create(namespace, lease, signal))
      } catch (error) {
        if (hasStatus(error, 409)) return undefined
        if (!hasStatus(error, 403)) throw error
        throw new KubernetesError(
          `\`lease_name\`: Lease ${name} does not exist in namespace ${namespace}, and the agent may not create it. The chart creates it: install the chart again, or create the Lease`,
          { cause: error, status: 404 },
        )
      }
    },
    /** Takes, renews or releases the lease. Returns `undefined` if another agent was faster. */
    update: async ({ raw }: Lease, record: LeaseRecord, signal: AbortSignal): Promise<Lease | undefined> => {
      try {
        return toLease(await api.replace(LEASES, { namespace, name }, { ...raw, spec: specOf(record, raw) }, signal))
      } catch (error) {
        if (hasStatus(error, 409) || hasStatus(error, 404)) return undefined
        throw error
      }
    },
  }
}

function specOf({ holder, durationMs, now }: LeaseRecord, raw: object | undefined): object {
  const before = fields(fields(raw).spec)
  // A MicroTime has six decimal places.
  const moment = now.toISOString().replace('Z', '000Z')
  const isSame = text(before.holderIdentity) === holder
  return {
    ...before,
    holderIdentity: holder,
    leaseDurationSeconds: Math.max(1, Math.round(durationMs / 1000)),
    renewTime: moment,
    acquireTime: isSame ? (text(before.acquireTime) ?? moment) : moment,
    leaseTransitions: (number(before.leaseTransitions) ?? 0) + (isSame ? 0 : 1),
  }
}

function toLease(raw: unknown): Lease {
  const spec = fields(fields(raw).spec)
  return {
    holder: text(spec.holderIdentity) ?? '',
    durationMs: (number(spec.leaseDurationSeconds) ?? 0) * 1000,
    renewed: text(spec.renewTime) ?? '',
    raw: fields(raw),
  }
}

function hasStatus(error: unknown, status: number): boolean {
  return error instanceof KubernetesError && error.status === status
}
