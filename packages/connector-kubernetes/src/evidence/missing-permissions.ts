import { KubernetesError } from '../api/errors.ts'

/** How long a refusal is reported after the last refused request. The permission may have been granted since. */
const MAX_AGE_MS = 3_600_000

const MAX_SINGLE_GAPS = 20

/** Refusals that are checked again at a time: the oldest. */
const MAX_RECHECKS = 20

/** Requests an object that need not exist: a server answers whether the permission is missing before it looks. */
export type RequestAgain = (resource: string, namespace: string, signal: AbortSignal) => Promise<unknown>

/** Missing permissions to read evidence. */
export type MissingPermissions = ReturnType<typeof createMissingPermissions>

interface Refusal {
  readonly resource: string
  readonly namespace: string
  readonly at: number
  readonly reason: string
}

/** Creates an empty record. Evidence is not watched, so refusals are known only after a request. */
export function createMissingPermissions(
  requestAgain: RequestAgain = () => Promise.reject(new Error('not checked')),
  now: () => number = Date.now,
) {
  const refused = new Map<string, Refusal>()
  const note = (error: unknown): void => {
    if (!(error instanceof KubernetesError) || error.permission === undefined) return
    const { resource, namespace = '' } = error.permission
    const scope = scopeOf(resource, namespace)
    refused.delete(scope)
    refused.set(scope, { resource, namespace, at: now(), reason: error.message })
  }
  const allow = (resource: string, namespace: string) => void refused.delete(scopeOf(resource, namespace))
  return {
    /** Records a missing permission. Ignores other errors. */
    note,
    /** Records that a resource could be read. */
    allow,
    /** Requests again what was refused, and forgets what is allowed now. Keeps a refusal if its request fails. */
    recheck: async (signal: AbortSignal): Promise<void> => {
      await Promise.all(
        [...refused.values()].slice(0, MAX_RECHECKS).map(async ({ resource, namespace }) => {
          try {
            await requestAgain(resource, namespace, signal)
            allow(resource, namespace)
          } catch (error) {
            note(error)
          }
        }),
      )
    },
    /** Returns gaps for the refusals of the last hour: twenty one by one, the others counted. */
    gaps: () => {
      for (const [scope, { at }] of refused) if (now() - at > MAX_AGE_MS) refused.delete(scope)
      const gaps = [...refused].map(([scope, { reason }]) => ({ scope, reason }))
      if (gaps.length <= MAX_SINGLE_GAPS) return gaps
      const others = `evidence cannot be read in ${gaps.length - MAX_SINGLE_GAPS} more namespaces: permissions are missing`
      return [...gaps.slice(0, MAX_SINGLE_GAPS), { scope: 'kubernetes:evidence', reason: others }]
    },
  }
}

function scopeOf(resource: string, namespace: string): string {
  return `kubernetes:${resource}/${namespace}`
}
