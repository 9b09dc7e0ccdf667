import type { Event, Metric, Signals } from '@rca/core/connector'

/** Returns the events of several signals, in order. */
export function eventsOf(signals: readonly Signals[]): Event[] {
  return signals.flatMap(({ events = [] }) => events).filter((event) => event !== undefined)
}

/**
 * Returns points as `name{attribute=value,…}` → value, with the last word of each attribute's name:
 * `system.cpu.time{mode=user}`.
 *
 * @param entityId limits the points to those of one entity
 */
export function pointsOf({ metrics = [] }: Signals, entityId?: string): Record<string, number> {
  return Object.fromEntries(
    metrics
      .filter((point): point is Metric => point !== undefined)
      .filter(({ entity }) => entityId === undefined || entity.id === entityId)
      .map((point) => [pointLabel(point), point.value]),
  )
}

function pointLabel({ name, attributes }: Metric): string {
  return `${name}{${Object.entries(attributes).map(([key, value]) => `${key.split('.').at(-1)}=${value}`)}}`
}
