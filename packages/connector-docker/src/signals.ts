import { entities } from './signals/entities.ts'
import { events } from './signals/events.ts'
import { metrics } from './signals/metrics.ts'

/**
 * Everything that the Docker connector says. Names follow the OpenTelemetry semantic conventions for containers, and its
 * Docker stats receiver where those have none; what neither knows is called `docker.*`.
 */
export const signals = { ...entities, ...metrics, ...events }
