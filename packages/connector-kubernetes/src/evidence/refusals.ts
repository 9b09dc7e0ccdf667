import { KubernetesError } from '../api/errors.ts'

/** How long a refusal is told after it was last heard, in milliseconds: by then somebody may have given the permission. */
const TOLD = 3_600_000

/** Most refusals that are told one by one. */
const MOST = 20

/** What may not be read when evidence is looked for: nothing follows it, so that it is known only once it was needed. */
export interface Refusals {
  /** Notes that a permission is missing. Any other failure is none. */
  note(error: unknown): void
  /** It could be read: where it was refused, it no longer is. */
  allow(resource: string, namespace: string): void
  /** What was refused within the last hour, twenty one by one and the others counted. */
  gaps(): readonly { readonly scope: string; readonly reason: string }[]
}

/** Nothing was refused yet. */
export function createRefusals(now: () => number = Date.now): Refusals {
  const refused = new Map<string, { readonly at: number; readonly reason: string }>()
  return {
    note: (error) => {
      if (!(error instanceof KubernetesError) || error.permission === undefined) return
      const { resource, namespace = '' } = error.permission
      refused.set(scopeOf(resource, namespace), { at: now(), reason: error.message })
    },
    allow: (resource, namespace) => void refused.delete(scopeOf(resource, namespace)),
    gaps: () => {
      for (const [scope, { at }] of refused) if (now() - at > TOLD) refused.delete(scope)
      const gaps = [...refused].map(([scope, { reason }]) => ({ scope, reason }))
      if (gaps.length <= MOST) return gaps
      const others = `nor in ${gaps.length - MOST} more namespaces may evidence be read`
      return [...gaps.slice(0, MOST), { scope: 'kubernetes:evidence', reason: others }]
    },
  }
}

function scopeOf(resource: string, namespace: string): string {
  return `kubernetes:${resource}/${namespace}`
}
