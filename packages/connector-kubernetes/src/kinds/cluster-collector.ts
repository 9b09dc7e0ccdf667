import type { Collector, Gap } from '@rca/core/connector'
import type { KubernetesClient } from '../kubernetes-client.ts'
import { signals } from '../signals.ts'
import { type FollowedKind, followedKinds } from './followed-kinds.ts'

/** The cluster itself, and how many objects of each kind it has. */
export const cluster: Collector<KubernetesClient> = {
  interval: '60s',
  timeout: '60s',
  async collect({ cluster: followed, config, name, uid, refusals }, { signal }) {
    await followed.listed(signal)
    const entity = signals.cluster.entity({
      id: uid,
      name,
      attributes: {
        'k8s.cluster.name': name,
        'k8s.cluster.uid': uid,
        'k8s.cluster.nodes': followed.sight('nodes')?.isListed ? followed.objects('nodes').size : undefined,
        'k8s.cluster.namespaces': config.namespaces.length === 0 ? undefined : config.namespaces,
      },
    })
    const current = (Object.keys(followedKinds) as FollowedKind[]).filter((kind) => followed.sight(kind)?.isCurrent)
    return {
      entities: [entity],
      metrics: current.map((kind) =>
        signals.clusterObjects.point(followed.objects(kind).size, entity, { 'k8s.resource.name': kind.toLowerCase() }),
      ),
      // Nobody describes events, or logs: what is wrong with seeing them is told here.
      gaps: [...eventGaps(followed.sight('events')?.gaps, followed.missing('events')), ...refusals.gaps()],
    }
  },
}

function eventGaps(
  seen: readonly (Omit<Gap, 'since'> & { readonly since?: string })[] | undefined,
  missing: string | undefined,
) {
  return missing === undefined ? (seen ?? []) : [{ scope: 'kubernetes:events', reason: missing }]
}
