import { signals as config } from './config/signals.ts'
import { signals as containers } from './containers/signals.ts'
import { deletionSignals } from './deletions/stuck-deletions.ts'
import { signals as namespaces } from './namespaces/signals.ts'
import { signals as nodes } from './nodes/signals.ts'
import { signals as services } from './services/signals.ts'
import { signals as warnings } from './warnings/signals.ts'
import { signals as workloads } from './workloads/signals.ts'

/** Every event of the Kubernetes connector. */
export const events = {
  ...containers,
  ...warnings,
  ...deletionSignals,
  ...workloads,
  ...config,
  ...namespaces,
  ...services,
  ...nodes,
}
