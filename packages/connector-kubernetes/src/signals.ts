import { events } from './events/signals.ts'
import { entities } from './kinds/entities.ts'
import { metrics } from './kinds/metrics.ts'
import { usageMetrics } from './usage/signals.ts'

/**
 * Everything that the Kubernetes connector says. Names follow the OpenTelemetry semantic conventions for Kubernetes; what these
 * lack is called `k8s.*` as well.
 */
export const signals = { ...entities, ...metrics, ...usageMetrics, ...events }
