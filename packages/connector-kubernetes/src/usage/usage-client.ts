import type { ApiResource, KubernetesApi } from '../api/kubernetes-api.ts'
import type { Claim } from '../kinds/claim/claim.ts'
import type { Node } from '../kinds/node/node.ts'
import type { Pod } from '../kinds/pod/pod.ts'
import type { LastMemory } from './last-memory.ts'

/** What is known of the cluster, as far as usage needs it. */
export interface UsageCluster {
  /** Resolves when every kind was listed, or failed to be. */
  listed(signal: AbortSignal): Promise<void>
  /** By uid. */
  objects(kind: 'nodes'): ReadonlyMap<string, Node>
  objects(kind: 'pods'): ReadonlyMap<string, Pod>
  objects(kind: 'persistentVolumeClaims'): ReadonlyMap<string, Claim>
  /** `undefined` where the server lacks it. */
  resource(kind: 'nodes' | 'podMetrics' | 'nodeMetrics'): ApiResource | undefined
}

/** What usage needs of a client. */
export interface UsageClient {
  readonly api: Pick<KubernetesApi, 'get' | 'list'>
  readonly cluster: UsageCluster
  readonly lastMemory: LastMemory
  /** Where namespaces are named, nothing but these may be read: no nodes. */
  readonly config: { readonly namespaces: readonly string[] }
}
