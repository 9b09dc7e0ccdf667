import { KubernetesError } from '../api/kubernetes-error.ts'

/** What may not be read when evidence is looked for: nothing follows it, so that it is known only once it was needed. */
export interface Refusals {
  /** Notes that a permission is missing. Any other failure is none. */
  note(error: unknown): void
  /** It could be read: where it was refused, it no longer is. */
  allow(resource: string, namespace: string): void
  gaps(): readonly { readonly scope: string; readonly reason: string }[]
}

/** Nothing was refused yet. */
export function createRefusals(): Refusals {
  const reasons = new Map<string, string>()
  return {
    note: (error) => {
      if (!(error instanceof KubernetesError) || error.permission === undefined) return
      const { resource, namespace = '' } = error.permission
      reasons.set(scopeOf(resource, namespace), error.message)
    },
    allow: (resource, namespace) => void reasons.delete(scopeOf(resource, namespace)),
    gaps: () => [...reasons].map(([scope, reason]) => ({ scope, reason })),
  }
}

function scopeOf(resource: string, namespace: string): string {
  return `kubernetes:${resource}/${namespace}`
}
