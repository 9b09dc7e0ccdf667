import type { ConnectContext, EntityReference } from '@rca/core/connector'
import type { KubernetesApi } from './api/kubernetes-api.ts'
import type { KubernetesConfig } from './config.ts'
import type { MissingPermissions } from './evidence/missing-permissions.ts'
import type { Cluster } from './kinds/index.ts'
import type { LastMemory } from './usage/last-memory.ts'

/** The client that collectors and watchers share. */
export interface KubernetesClient extends Pick<ConnectContext<KubernetesConfig>, 'config' | 'keyedHash' | 'log'> {
  readonly api: KubernetesApi
  /** The current objects of the cluster. */
  readonly cluster: Cluster
  /** UID of the namespace kube-system, which exists as long as the cluster does. */
  readonly uid: string
  /** Display name of the cluster. */
  readonly name: string
  readonly entity: EntityReference
  /** The latest memory measurement of every container. */
  readonly lastMemory: LastMemory
  /** Evidence that the agent had no permission to read. */
  readonly refusals: MissingPermissions
}
