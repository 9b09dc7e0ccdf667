import type { ConnectContext } from '@rca/core/connector'
import { KubernetesError } from './api/errors.ts'
import type { KubernetesApi } from './api/kubernetes-api.ts'
import { openKubernetes } from './client.ts'
import type { KubernetesConfig } from './config.ts'
import { createMissingPermissions } from './evidence/missing-permissions.ts'
import { openClusterCache } from './informer/cluster-cache.ts'
import { clusterSignals } from './kinds/cluster.ts'
import { type Cluster, kinds } from './kinds/index.ts'
import { metadataOf } from './kinds/metadata.ts'
import type { KubernetesClient } from './kubernetes-client.ts'
import { timeoutSignal } from './timeout-signal.ts'
import { createLastMemory } from './usage/last-memory.ts'

/**
 * Connects to the API server, identifies the cluster and begins to watch its objects.
 *
 * @throws KubernetesError when the server cannot be reached
 */
export async function openKubernetesClient(context: ConnectContext<KubernetesConfig>): Promise<KubernetesClient> {
  const { config, signal, log, keyedHash } = context
  const api = await openKubernetes({ kubeconfig: config.kubeconfig, context: config.kubeconfig_context })
  try {
    const uid = await clusterUid(api, config.namespaces, signal)
    const { namespaces } = config
    const excluded = config.watch_secret_names ? [] : (['secrets'] as const)
    const cluster = await openClusterCache({ api, kinds, excluded, namespaces, keyedHash }, signal)
    log.info({ server: api.address, cluster: uid, namespaces }, 'connected to the cluster')
    return {
      config,
      api,
      cluster,
      uid,
      name: config.cluster_name ?? config.kubeconfig_context ?? `kubernetes-${uid.slice(0, 8)}`,
      entity: clusterSignals.cluster.reference(uid),
      lastMemory: createLastMemory(),
      refusals: createMissingPermissions((resource, namespace, stop) =>
        requestPod(api, cluster, resource, namespace, stop),
      ),
      keyedHash,
      log,
    }
  } catch (error) {
    api.close()
    throw error
  }
}

/** Requests a pod that does not exist, or its log: without the permission, the server refuses before it looks. */
async function requestPod(
  api: KubernetesApi,
  cluster: Cluster,
  resource: string,
  namespace: string,
  signal: AbortSignal,
): Promise<void> {
  const timeout = timeoutSignal(RECHECK_TIMEOUT_MS, signal)
  const pods = cluster.resource('pods')
  if (resource === 'pods/log')
    await api.text({ namespace, pod: NO_POD, container: NO_POD, lines: 1, limitBytes: 1 }, timeout)
  else if (resource === 'pods' && pods !== undefined) await api.get(pods, { namespace, name: NO_POD }, timeout)
}

const RECHECK_TIMEOUT_MS = 5_000

/** Name of a pod that does not exist. */
const NO_POD = 'rca-permission-check'

/**
 * Returns the UID of the namespace kube-system, which exists as long as the cluster does. An agent without permission
 * to read it uses the first of its own namespaces.
 */
async function clusterUid(api: KubernetesApi, namespaces: readonly string[], signal: AbortSignal): Promise<string> {
  const [first] = namespaces
  const uid = await namespaceUid(api, 'kube-system', signal).catch(async (error: unknown) => {
    if (first === undefined || !(error instanceof KubernetesError) || error.status !== 403) throw error
    return namespaceUid(api, first, signal)
  })
  if (uid === undefined)
    throw new KubernetesError(`${api.address} has no namespace kube-system: it is not a Kubernetes cluster`)
  return uid
}

async function namespaceUid(api: KubernetesApi, name: string, signal: AbortSignal): Promise<string | undefined> {
  const kind = { group: '', version: 'v1', resource: 'namespaces', kind: 'Namespace', isNamespaced: false, verbs: [] }
  const namespace = await api.get(kind, { name }, signal)
  return namespace === undefined ? undefined : metadataOf(namespace).uid
}
