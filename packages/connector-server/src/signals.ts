import { deviceMetrics } from './signals/device-metrics.ts'
import { entities } from './signals/entities.ts'
import { events } from './signals/events.ts'
import { hostMetrics } from './signals/host-metrics.ts'

/**
 * Everything that the server connector says. Names follow the OpenTelemetry semantic conventions for systems and
 * processes; load averages are named as by its host metrics receiver; what neither knows is called `server.*`.
 */
export const signals = { ...entities, ...hostMetrics, ...deviceMetrics, ...events }
