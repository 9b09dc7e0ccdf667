import type { Metadata } from '../kinds/metadata.ts'
import type { Node } from '../kinds/node/node-projection.ts'
import type { Pod } from '../kinds/pod/pod-projection.ts'
import type { UsageCluster } from './usage-client.ts'

/**
 * UID that a kubelet gives a static pod: the hash of its manifest. The mirror pod at the API server has another UID.
 */
const STATIC_POD_UID = /^[0-9a-f]{32}$/

/** Finds the objects of usage data. */
export interface KnownObjects {
  /** Returns the pod of a kubelet's data, `undefined` for an unknown pod. */
  podOf(uid: string | undefined, namespace: string | undefined, name: string | undefined): Pod | undefined
  podNamed(namespace: string, name: string): Pod | undefined
  hasClaim(namespace: string, name: string): boolean
  nodeNamed(name: string): Node | undefined
}

/** Finds the current objects. An index by name is built on its first use. */
export function knownObjects(cluster: UsageCluster): KnownObjects {
  const pods = cluster.objects('pods')
  const podsByName = index(() => pods)
  const claimsByName = index(() => cluster.objects('persistentVolumeClaims'))
  const nodesByName = index(() => cluster.objects('nodes'))
  const podNamed = (namespace: string, name: string): Pod | undefined => podsByName().get(`${namespace}/${name}`)
  return {
    podNamed,
    podOf: (uid, namespace, name) => {
      if (uid === undefined) return undefined
      // By name only for static pods: a replaced pod has the name of its successor.
      return pods.get(uid) ?? (STATIC_POD_UID.test(uid) ? podNamed(namespace ?? '', name ?? '') : undefined)
    },
    hasClaim: (namespace, name) => claimsByName().has(`${namespace}/${name}`),
    nodeNamed: (name) => nodesByName().get(`/${name}`),
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
