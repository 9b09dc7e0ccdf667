import { KubernetesError } from '../api/errors.ts'

/** How long a refusal is reported after the last refused request. The permission may have been granted since. */
const MAX_AGE_MS = 3_600_000

/** Refusals that are reported one by one. */
const MAX_SINGLE_GAPS = 20

/** Missing permissions to read evidence. Evidence is not watched, so they are known only after a refused request. */
export interface MissingPermissions {
  /** Records a missing permission. Ignores other errors. */
  note(error: unknown): void
  /** Records that a resource could be read. */
  allow(resource: string, namespace: string): void
  /** Returns gaps for the refusals of the last hour: twenty one by one, the others counted. */
  gaps(): readonly { readonly scope: string; readonly reason: string }[]
}

/** Creates an empty record. */
export function createMissingPermissions(now: () => number = Date.now): MissingPermissions {
  const refused = new Map<string, { readonly at: number; readonly reason: string }>()
  return {
    note: (error) => {
      if (!(error instanceof KubernetesError) || error.permission === undefined) return
      const { resource, namespace = '' } = error.permission
      refused.set(scopeOf(resource, namespace), { at: now(), reason: error.message })
    },
    allow: (resource, namespace) => void refused.delete(scopeOf(resource, namespace)),
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
