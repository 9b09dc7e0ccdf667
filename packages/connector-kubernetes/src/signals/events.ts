import { configEvents, namespaceEvents, serviceEvents } from './change-events.ts'
import { nodeEvents } from './node-events.ts'
import { autoscalerEvents, workloadEvents } from './workload-events.ts'

/** What happens in a cluster. */
export const events = {
  ...workloadEvents,
  ...autoscalerEvents,
  ...configEvents,
  ...namespaceEvents,
  ...serviceEvents,
  ...nodeEvents,
}
