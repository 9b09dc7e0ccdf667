import { configEvents, namespaceEvents, serviceEvents } from './change-events.ts'
import { clusterEvents } from './cluster-events.ts'
import { containerEvents } from './container-events.ts'
import { nodeEvents } from './node-events.ts'
import { autoscalerEvents, workloadEvents } from './workload-events.ts'

/** What happens in a cluster. */
export const events = {
  ...containerEvents,
  ...clusterEvents,
  ...workloadEvents,
  ...autoscalerEvents,
  ...configEvents,
  ...namespaceEvents,
  ...serviceEvents,
  ...nodeEvents,
}
