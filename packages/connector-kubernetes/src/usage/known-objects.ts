import type { Metadata } from '../kinds/metadata.ts'
import type { Pod } from '../kinds/pod/pod-projection.ts'
import type { UsageClient } from './usage-client.ts'

/** UID that a kubelet gives a static pod, the hash of its manifest. The mirror pod at the API server has another. */
const STATIC_POD_UID = /^[0-9a-f]{32}$/

export type KnownObjects = ReturnType<typeof knownObjects>

/** Finds the current objects of usage data. An index by name is built on its first use. */
export function knownObjects(cluster: UsageClient['cluster']) {
  const pods = cluster.objects('pods')
  const podsByName = index(() => pods)
  const claimsByName = index(() => cluster.objects('persistentVolumeClaims'))
  const nodesByName = index(() => cluster.objects('nodes'))
  const podNamed = (namespace: string, name: string): Pod | undefined => podsByName().get(`${namespace}/${name}`)
  return {
    podNamed,
    /** Returns the pod of a kubelet's data. */
    podOf: (uid = '', namespace = '', name = ''): Pod | undefined =>
      // By name only for static pods: a replaced pod has the name of its successor.
      pods.get(uid) ?? (STATIC_POD_UID.test(uid) ? podNamed(namespace, name) : undefined),
    hasClaim: (namespace: string, name: string) => claimsByName().has(`${namespace}/${name}`),
    nodeNamed: (name: string) => nodesByName().get(`/${name}`),
  }
}

/** Indexes by `namespace/name`. */
function index<Item extends Metadata>(items: () => ReadonlyMap<string, Item>): () => ReadonlyMap<string, Item> {
  let made: ReadonlyMap<string, Item> | undefined
  return () => {
    made ??= new Map([...items().values()].map((item) => [`${item.namespace}/${item.name}`, item]))
    return made
  }
}
