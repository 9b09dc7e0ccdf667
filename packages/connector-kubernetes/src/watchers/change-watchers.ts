import type { Watcher } from '@rca/core'
import type { KubernetesClient } from '../kubernetes-client.ts'
import { autoscalerChanges } from './autoscaler-changes.ts'
import { claimChanges } from './claim-changes.ts'
import { configChanges } from './config-changes.ts'
import { jobFailures } from './job-failures.ts'
import { namespaceChanges } from './namespace-changes.ts'
import { nodeChanges } from './node-changes.ts'
import { nodeConditions } from './node-conditions.ts'
import { rollouts } from './rollouts.ts'
import { serviceAvailability } from './service-availability.ts'
import { serviceChanges } from './service-changes.ts'
import { stuckDeletions } from './stuck-deletions.ts'
import { workloadChanges } from './workload-changes.ts'

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
