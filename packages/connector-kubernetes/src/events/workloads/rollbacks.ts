import type { Cluster } from '../../kinds/index.ts'
import type { Workload } from '../../kinds/workload/workload-projection.ts'

/** Earlier templates that are remembered of a StatefulSet or DaemonSet, as many as their controllers keep. */
const MAX_TEMPLATES = 10

/** Finds changes that give a workload the template of an earlier revision, as `kubectl rollout undo` does. */
export function createRollbacks(cluster: Cluster) {
  /** Uid of a StatefulSet or DaemonSet → keyed hash of a template → its revision. */
  const earlier = new Map<string, Map<string, string>>()

  const remembered = (object: Workload, old: Workload): string | undefined => {
    const known = earlier.get(object.uid) ?? new Map<string, string>()
    earlier.set(object.uid, known)
    known.delete(old.template.rolloutHash)
    known.set(old.template.rolloutHash, old.revision ?? '')
    const [oldest] = known.keys()
    if (known.size > MAX_TEMPLATES && oldest !== undefined) known.delete(oldest)
    return known.get(object.template.rolloutHash)
  }

  return {
    /** Returns the revision to which a change rolls back; empty for an unknown one, `undefined` without a rollback. */
    revisionOf: (object: Workload, old: Workload): string | undefined => {
      if (object.template.rolloutHash === old.template.rolloutHash) return undefined
      // The revisions of a Deployment outlive the agent: they are ReplicaSets.
      return object.kind === 'Deployment' ? olderReplicaSet(cluster, object, old) : remembered(object, old)
    },
    forget: (uid: string) => void earlier.delete(uid),
  }
}

function olderReplicaSet(cluster: Cluster, { uid, template }: Workload, old: Workload): string | undefined {
  for (const { owner, rolloutHash, revision } of cluster.objects('replicaSets').values())
    if (owner?.uid === uid && rolloutHash === template.rolloutHash && revision !== old.revision) return revision
  return undefined
}
