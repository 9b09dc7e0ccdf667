import type { Connector } from '@rca/core/connector'
import { events } from './events/signals.ts'
import { clusterSignals } from './kinds/cluster.ts'
import { kinds } from './kinds/index.ts'
import { usageMetrics } from './usage/signals.ts'

const kindSignals: Connector['signals'] = Object.assign(
  {},
  ...Object.values(kinds).map((kind) => ('signals' in kind ? kind.signals : {})),
)

/**
 * Every signal of the Kubernetes connector. Names follow the OpenTelemetry semantic conventions for Kubernetes;
 * signals that these lack are named `k8s.*` as well.
 */
export const signals = { ...kindSignals, ...clusterSignals, ...usageMetrics, ...events }
