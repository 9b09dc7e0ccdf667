import type { Claim } from '../kinds/claim/claim.ts'
import type { Pod } from '../kinds/pod/pod.ts'

/** What a claim has as long as the server waits for pods that use it. */
export const CLAIM_PROTECTION = 'kubernetes.io/pvc-protection'

/**
 * Whether a claim that is being deleted waits for a pod, by the rule of the server's controller: a pod that has no node never
 * will start with it, one that has finished holds it until it is gone itself, and one that its kubelet is done with lets go of
 * those that were made for it.
 */
export function holdsClaim(pod: Pod, claim: Claim): boolean {
  if (!claim.finalizers.includes(CLAIM_PROTECTION) || pod.node === undefined) return false
  if (pod.namespace !== claim.namespace || !pod.mounts.claims.includes(claim.name)) return false
  return !(pod.isShutDown && claim.owner?.uid === pod.uid)
}
