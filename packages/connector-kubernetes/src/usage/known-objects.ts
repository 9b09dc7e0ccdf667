import type { Metadata } from '../kinds/metadata.ts'
import type { Node } from '../kinds/node/node.ts'
import type { Pod } from '../kinds/pod/pod.ts'
import type { UsageCluster } from './usage-client.ts'

/** The uid that a kubelet gives the pod of a manifest file: a hash of it. The API server gives the pod's image there another. */
const HASH = /^[0-9a-f]{32}$/

/** Finds what numbers are about. */
export interface KnownObjects {
  /** The pod that a kubelet means. `undefined` for one that is not known. */
  podOf(uid: string | undefined, namespace: string | undefined, name: string | undefined): Pod | undefined
  podNamed(namespace: string, name: string): Pod | undefined
  hasClaim(namespace: string, name: string): boolean
  nodeNamed(name: string): Node | undefined
}

/** Of the objects as they are now. An index by name is made once somebody asks for it. */
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
      // By name only where the uid can be no other pod's: one that was replaced has the name of its successor.
      return pods.get(uid) ?? (HASH.test(uid) ? podNamed(namespace ?? '', name ?? '') : undefined)
    },
    hasClaim: (namespace, name) => claimsByName().has(`${namespace}/${name}`),
    nodeNamed: (name) => nodesByName().get(`/${name}`),
  }
}

/** By `namespace/name`. */
function index<Item extends Metadata>(items: () => ReadonlyMap<string, Item>): () => ReadonlyMap<string, Item> {
  let made: ReadonlyMap<string, Item> | undefined
  return () => {
    made ??= new Map([...items().values()].map((item) => [`${item.namespace}/${item.name}`, item]))
    return made
  }
}
