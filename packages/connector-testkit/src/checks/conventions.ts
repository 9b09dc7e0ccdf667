import type { CheckDefinition } from '../subject.ts'
import { conventionOf } from './semantic-conventions.ts'

/** Checks against the conventions for names. */
export const conventionChecks: readonly CheckDefinition[] = [
  {
    id: 'SIG-semconv',
    title: 'gives metrics of OpenTelemetry the unit and the kind that they have there',
    reason: 'Dashboards and queries for the name expect them: bytes that are taken for mebibytes are a wrong value.',
    severity: 'error',
    remedy: 'Convert the value, or use a name of your own, such as `acme.queue.memory`.',
    find: ({ connector }) =>
      Object.values(connector.signals).flatMap((declared) => {
        const convention = declared.signal === 'metric' ? conventionOf(declared.name) : undefined
        if (declared.signal !== 'metric' || convention === undefined) return []
        const { unit, kind } = convention
        const own = declared.kind === 'counter' ? 'sum' : 'state'
        return [
          ...(declared.unit === unit
            ? []
            : [`\`${declared.name}\` has the unit \`${declared.unit}\`, not \`${unit}\``]),
          ...(kind === 'any' || own === kind
            ? []
            : [`\`${declared.name}\` must ${kind === 'sum' ? '' : 'not '}be a counter, got \`${declared.kind}\``]),
        ]
      }),
  },
]
