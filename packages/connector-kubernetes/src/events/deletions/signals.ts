import { event } from '@rca/core/connector'
import { inNamespace } from '../../kinds/common-signals.ts'
import { SAMPLED } from '../change-attributes.ts'
import { affected } from '../warnings/signals.ts'

/** Events about deletions. */
export const signals = {
  deletionStuck: event({
    name: 'k8s.deletion.stuck',
    severity: 'warning',
    description: `A deleted object still exists: a pod a minute after its grace period, any other object five minutes after its deletion, a namespace or a claim not before five minutes after the grace period of the pods that it waits for. ${SAMPLED} Objects of a kind count together if they have the same finalizers, are on the same node that is not ready or deleted, or are namespaces with the same conditions; others count together within their namespace.`,
    attributes: {
      ...inNamespace,
      'k8s.object.kind': 'Kind of the object.',
      'k8s.object.name': 'Name of the object.',
      'k8s.node.name': 'Node of a pod.',
      'k8s.deletion.due_at': 'When it should have been deleted. ISO 8601.',
      'k8s.deletion.finalizers': 'Finalizers that its deletion waits for.',
      'k8s.deletion.waits_for':
        'Known reasons why it still exists, such as `finalizer example.test/backup`, `pod web-1 uses it`, `container app runs`, `node worker-1 does not exist`, or the remaining content that its namespace reports.',
      ...affected,
    },
  }),
}
