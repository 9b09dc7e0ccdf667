import { type MetricDefinition, metric } from '@rca/core/connector'

/** Declares a gauge without attributes. */
export function gauge(name: string, unit: string, description: string): MetricDefinition<Record<never, string>> {
  return metric({ name, unit, kind: 'gauge', description })
}

/** Declares a counter that the agent adds up from CloudWatch's sums, from 0 at its start. */
export function counter(name: string, unit: string, description: string): MetricDefinition<Record<never, string>> {
  return metric({ name, unit, kind: 'counter', description })
}
