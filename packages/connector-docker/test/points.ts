import type { Metric, Signals } from '@rca/core/connector'

/** `name{attribute=value}` → value, as a person would query it. Of one entity where its id is given. */
export function points({ metrics = [] }: Signals, entityId?: string): Record<string, number> {
  return Object.fromEntries(
    metrics
      .filter((metric): metric is Metric => metric !== undefined)
      .filter(({ entity }) => entityId === undefined || entity.id === entityId)
      .map((metric) => [label(metric), metric.value]),
  )
}

function label({ name, attributes }: Metric): string {
  return `${name}{${Object.entries(attributes).map(([key, value]) => `${key.split('.').at(-1)}=${value}`)}}`
}
