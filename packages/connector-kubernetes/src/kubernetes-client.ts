import type { ConnectContext, EntityReference } from '@rca/core/connector'
import type { KubernetesApi } from './api/kubernetes-api.ts'
import type { KubernetesConfig } from './config.ts'
import type { Refusals } from './evidence/refusals.ts'
import type { Cluster } from './informer/cluster-cache.ts'
import type { KeyedHash } from './kinds/workload/pod-template.ts'
import type { LastMemory } from './usage/last-memory.ts'

/** What collectors and watchers are given: a cluster, and what has been learnt of it. */
export interface KubernetesClient {
  readonly config: KubernetesConfig
  readonly api: KubernetesApi
  /** Its objects as they are now. */
  readonly cluster: Cluster
  /** The uid of the namespace kube-system, which stays as long as the cluster does. */
  readonly uid: string
  /** What people call it. */
  readonly name: string
  readonly entity: EntityReference
  /** What containers needed of memory when it was last measured. */
  readonly lastMemory: LastMemory
  /** What evidence could not be read of. */
  readonly refusals: Refusals
  /** A keyed hash: tells whether a secret changed, and nothing else. */
  readonly keyedHash: KeyedHash
  readonly log: ConnectContext<unknown>['log']
}
