import { clusterEvents } from './cluster-events.ts'
import { containerEvents } from './container-events.ts'

/** What happens in a cluster. */
export const events = { ...containerEvents, ...clusterEvents }
