import type { ApiResource, KubernetesApi } from '../api/kubernetes-api.ts'
import type { Claim } from '../kinds/claim/claim.ts'
import type { Node } from '../kinds/node/node-projection.ts'
import type { Pod } from '../kinds/pod/pod-projection.ts'
import type { LastMemory } from './last-memory.ts'

/** The part of the cluster cache that usage needs. */
export interface UsageCluster {
  /** Resolves when every kind was listed, or failed to be listed. */
  listed(signal: AbortSignal): Promise<void>
  /** By UID. */
  objects(kind: 'nodes'): ReadonlyMap<string, Node>
  objects(kind: 'pods'): ReadonlyMap<string, Pod>
  objects(kind: 'persistentVolumeClaims'): ReadonlyMap<string, Claim>
  /** `undefined` if the server lacks the kind. */
  resource(kind: 'nodes' | 'podMetrics' | 'nodeMetrics'): ApiResource | undefined
}

/** The part of the client that usage needs. */
export interface UsageClient {
  readonly api: Pick<KubernetesApi, 'get' | 'list'>
  readonly cluster: UsageCluster
  readonly lastMemory: LastMemory
  /** If not empty, only these may be read, and no nodes. */
  readonly config: { readonly namespaces: readonly string[] }
}
