import { type Metric, metric } from '@rca/core/connector'

export const gauge = declarationOf('gauge')
export const counter = declarationOf('counter')
export const upDownCounter = declarationOf('updowncounter')

/** Returns a function that declares metrics of one kind. */
function declarationOf(kind: Metric['kind']) {
  return <const Names extends Readonly<Record<string, string>> = Record<never, string>>(
    name: string,
    unit: string,
    description: string,
    attributes: Names = {} as Names,
  ) => metric({ name, unit, kind, description, attributes })
}
