import type { Claim } from '../kinds/claim/claim.ts'
import type { Pod } from '../kinds/pod/pod-projection.ts'

/** Finalizer of a claim that pods may use. */
export const CLAIM_PROTECTION = 'kubernetes.io/pvc-protection'

/**
 * Returns whether a claim that is being deleted waits for a pod, by the rule of the server's controller: a pod
 * without a node cannot start with it, a finished pod holds it until it is deleted, and a pod that its kubelet has
 * shut down releases its own ephemeral claims.
 */
export function holdsClaim(pod: Pod, claim: Claim): boolean {
  if (!claim.finalizers.includes(CLAIM_PROTECTION) || pod.node === undefined) return false
  if (pod.namespace !== claim.namespace || !pod.mounts.claims.includes(claim.name)) return false
  return !(pod.isShutDown && claim.owner?.uid === pod.uid)
}
