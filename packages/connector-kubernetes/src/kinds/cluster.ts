import { type Collector, entity, type Signals } from '@rca/core/connector'
import { upDownCounter } from './common-signals.ts'
import { type Cluster, cachedKinds } from './index.ts'

export const clusterSignals = {
  cluster: entity({
    type: 'k8s.cluster',
    description: 'A Kubernetes cluster.',
    attributes: {
      'k8s.cluster.name': 'Display name.',
      'k8s.cluster.uid': 'UID of the namespace kube-system.',
      'k8s.cluster.nodes': 'Number of nodes.',
      'k8s.cluster.namespaces': 'Watched namespaces. Absent if all of them are watched.',
    },
  }),
  clusterObjects: upDownCounter('k8s.cluster.objects', '{object}', 'Watched objects.', {
    'k8s.resource.name': 'Kind of object, such as `pods`.',
  }),
}

interface ClusterClient {
  readonly cluster: Cluster
  readonly config: { readonly namespaces: readonly string[] }
  readonly name: string
  readonly uid: string
  /** Evidence that the agent had no permission to read. */
  readonly refusals: {
    recheck(signal: AbortSignal): Promise<void>
    gaps(): NonNullable<Signals['gaps']>
  }
}

/** Reports the cluster itself, and how many objects of each kind it has. */
export const cluster: Collector<ClusterClient> = {
  interval: '30s',
  timeout: '60s',
  async collect({ cluster: cache, config, name, uid, refusals }, { signal }) {
    await cache.listed(signal)
    await refusals.recheck(signal)
    const entity = clusterSignals.cluster.entity({
      id: uid,
      name,
      attributes: {
        'k8s.cluster.name': name,
        'k8s.cluster.uid': uid,
        'k8s.cluster.nodes': cache.syncStatus('nodes')?.isListed ? cache.objects('nodes').size : undefined,
        'k8s.cluster.namespaces': config.namespaces.length === 0 ? undefined : config.namespaces,
      },
    })
    const current = cachedKinds.filter((kind) => cache.syncStatus(kind)?.isCurrent)
    const missingEvents = cache.missing('events')
    return {
      entities: [entity],
      metrics: current.map((kind) =>
        clusterSignals.clusterObjects.point(cache.objects(kind).size, entity, {
          'k8s.resource.name': kind.toLowerCase(),
        }),
      ),
      // Events and logs have no collector of their own.
      gaps: [
        ...(missingEvents === undefined
          ? (cache.syncStatus('events')?.gaps ?? [])
          : [{ scope: 'kubernetes:events', reason: missingEvents }]),
        ...refusals.gaps(),
      ],
    }
  },
}
