import type { Event } from '@rca/core/connector'
import { describeResources } from '../../changes/describe-templates.ts'
import type { Pod, PodContainer } from '../../kinds/pod/pod-projection.ts'
import { containerReference } from '../../kinds/references.ts'
import type { KubernetesClient } from '../../kubernetes-client.ts'
import { containerAttributes, containerTitle } from './container-attributes.ts'
import { signals } from './signals.ts'

/** Returns the change of the resources in force that a pod's new version shows. */
export function resized(
  client: KubernetesClient,
  pod: Pod,
  container: PodContainer,
  old: Pod,
  now: Date,
): Event | undefined {
  const before = old.containers.find(({ name }) => name === container.name)?.status?.actual
  const actual = container.status?.actual
  if (before === undefined || actual === undefined) return undefined
  const differences = describeResources({ resources: before }, { resources: actual })
  if (differences.length === 0) return undefined
  return signals.containerResized.event({
    id: `${pod.uid}/${container.name}/resized/${pod.resourceVersion}`,
    at: now,
    entity: containerReference(pod.uid, container.name),
    body: `${containerTitle(pod, container)} was resized in place: ${differences.join(', ')}`,
    attributes: { ...containerAttributes(client, pod, container), 'change.resources': differences },
  })
}
