import type { KubernetesApi } from '../api/kubernetes-api.ts'
import type { KubernetesClient } from '../kubernetes-client.ts'

/** The part of the client that usage needs. */
export interface UsageClient extends Pick<KubernetesClient, 'lastMemory'> {
  readonly api: Pick<KubernetesApi, 'get' | 'list'>
  readonly cluster: Pick<KubernetesClient['cluster'], 'listed' | 'objects' | 'resource'>
  /** If not empty, only these may be read, and no nodes. */
  readonly config: { readonly namespaces: readonly string[] }
}
