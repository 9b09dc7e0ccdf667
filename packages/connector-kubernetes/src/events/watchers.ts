import type { Watcher } from '@rca/core/connector'
import type { KubernetesClient } from '../kubernetes-client.ts'
import { configChanges } from './config/config-changes.ts'
import { stuckDeletions } from './deletions/stuck-deletions.ts'
import { namespaceChanges } from './namespaces/namespace-changes.ts'
import { nodeChanges } from './nodes/node-changes.ts'
import { nodeConditions } from './nodes/node-conditions.ts'
import { claimChanges } from './services/claim-changes.ts'
import { serviceAvailability } from './services/service-availability.ts'
import { serviceChanges } from './services/service-changes.ts'
import { autoscalerChanges } from './workloads/autoscaler-changes.ts'
import { jobFailures } from './workloads/job-failures.ts'
import { rollouts } from './workloads/rollouts.ts'
import { workloadChanges } from './workloads/workload-changes.ts'

/** What tells of what is done to a cluster, and how its workloads, Services and nodes take it. */
export const changeWatchers: Readonly<Record<string, Watcher<KubernetesClient>>> = {
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
