import { containerEvents } from './containers/signals.ts'
import { nodeEvents } from './nodes/signals.ts'
import { configEvents, namespaceEvents, serviceEvents } from './services/signals.ts'
import { clusterEvents } from './warnings/signals.ts'
import { autoscalerEvents, workloadEvents } from './workloads/signals.ts'

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
