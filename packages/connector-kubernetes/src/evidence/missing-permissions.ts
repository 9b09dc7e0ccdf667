import { KubernetesError } from '../api/errors.ts'

/** How long a refusal is reported after the last refused request. The permission may have been granted since. */
const MAX_AGE_MS = 3_600_000

const MAX_SINGLE_GAPS = 20

/** Missing permissions to read evidence. */
export type MissingPermissions = ReturnType<typeof createMissingPermissions>

/** Creates an empty record. Evidence is not watched, so refusals are known only after a request. */
export function createMissingPermissions(now: () => number = Date.now) {
  const refused = new Map<string, { readonly at: number; readonly reason: string }>()
  return {
    /** Records a missing permission. Ignores other errors. */
    note: (error: unknown): void => {
      if (!(error instanceof KubernetesError) || error.permission === undefined) return
      const { resource, namespace = '' } = error.permission
      refused.set(scopeOf(resource, namespace), { at: now(), reason: error.message })
    },
    /** Records that a resource could be read. */
    allow: (resource: string, namespace: string) => void refused.delete(scopeOf(resource, namespace)),
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
