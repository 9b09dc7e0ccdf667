import type { Watcher } from '@rca/core/connector'
import type { KubernetesClient } from '../kubernetes-client.ts'
import { configChanges } from './config/config-changes.ts'
import { containerEvents } from './containers/container-events.ts'
import { stuckDeletions } from './deletions/stuck-deletions.ts'
import { namespaceChanges } from './namespaces/namespace-changes.ts'
import { nodeChanges } from './nodes/node-changes.ts'
import { nodeConditions } from './nodes/node-conditions.ts'
import { claimChanges } from './services/claim-changes.ts'
import { serviceAvailability } from './services/service-availability.ts'
import { serviceChanges } from './services/service-changes.ts'
import { clusterWarnings } from './warnings/cluster-events.ts'
import { autoscalerChanges } from './workloads/autoscaler-changes.ts'
import { jobFailures } from './workloads/job-failures.ts'
import { rollouts } from './workloads/rollouts.ts'
import { workloadChanges } from './workloads/workload-changes.ts'

/** Every watcher of the Kubernetes connector, by name. */
export const watchers: Readonly<Record<string, Watcher<KubernetesClient>>> = {
  containers: containerEvents,
  'cluster-events': clusterWarnings,
  'workload-changes': workloadChanges,
  rollouts,
  'job-failures': jobFailures,
  'autoscaler-changes': autoscalerChanges,
  'node-changes': nodeChanges,
  'node-conditions': nodeConditions,
  'config-changes': configChanges,
  'namespace-changes': namespaceChanges,
  'service-changes': serviceChanges,
  'service-availability': serviceAvailability,
  'claim-changes': claimChanges,
  'stuck-deletions': stuckDeletions,
}
