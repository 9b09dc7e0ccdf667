import { NAME_PATTERN } from '@rca/core/testing'
import type { CheckDefinition } from '../subject.ts'
import { distinct, type RehearsalFinder, rehearsed, reportedBy } from './definitions.ts'

/** Problems by which core's validation leaves out signals, and the checks that they belong to. */
const PROBLEMS: readonly (readonly [id: string, problem: RegExp])[] = [
  ['SIG-relations', /has the relation .* which is not declared/],
  ['SIG-attributes', /has the attribute .* which is not declared/],
  ['SIG-unit-kind', /has another unit or kind than declared/],
  ['SIG-declared', /(?:is not declared in `signals`|has the undeclared entity type)/],
  ['VAL-finite', /has a value that is not a finite number/],
  ['VAL-counters', /is a counter with a negative value/],
]

/** Returns the check to which a problem of core's validation belongs. */
function checkOfProblem(problem: string): string {
  return PROBLEMS.find(([, pattern]) => pattern.test(problem))?.[0] ?? 'COL-returns'
}

/** Finds the problems of core's validation that belong to a check. */
export function problemsOf(id: string): RehearsalFinder {
  return (rehearsal) =>
    distinct(
      reportedBy(rehearsal).flatMap(({ source, signals }) =>
        signals.problems
          .filter((problem) => checkOfProblem(problem) === id)
          .map((problem) => `\`${source}\`: ${problem}`),
      ),
    )
}

/** Symbols of UCUM for units that metrics of computers have. */
const UNIT_ATOMS =
  '(?:%|1|s|ms|us|ns|min|h|d|a|By|bit|[kMGTPE]By|[KMGTPE]iBy|Hz|[kMG]Hz|Cel|V|mV|A|mA|W|kW|J|kWh|m|mm|g|kg|Pa|\\{[^{}\\s]+\\})'
const UNIT = new RegExp(`^${UNIT_ATOMS}(?:[./]${UNIT_ATOMS})*$`)

/** Checks of what is declared, and that nothing else is reported. */
export const signalChecks: readonly CheckDefinition[] = [
  {
    id: 'SIG-names',
    title: 'names its signals in lower case words',
    reason: 'Queries, dashboards and the platform rely on names in the form of OpenTelemetry.',
    severity: 'error',
    remedy: 'Join lower case words with dots, such as `acme.queue.length`.',
    find: ({ connector }) =>
      Object.values(connector.signals)
        .map((declared) => (declared.signal === 'entity' ? declared.type : declared.name))
        .filter((name) => !NAME_PATTERN.test(name))
        .map((name) => `the name \`${name}\` must be lower case words joined by \`.\`, \`_\` or \`-\``),
  },
  {
    id: 'SIG-units',
    title: 'declares units of UCUM',
    reason: 'The platform converts and labels values by their unit.',
    severity: 'error',
    remedy: 'Use UCUM as OpenTelemetry does: `1`, `s`, `By`, `By/s`, `Cel`, or an annotation such as `{request}`.',
    find: ({ connector }) =>
      Object.values(connector.signals).flatMap((declared) =>
        declared.signal === 'metric' && !UNIT.test(declared.unit)
          ? [`the unit \`${declared.unit}\` of \`${declared.name}\` is not one of UCUM`]
          : [],
      ),
  },
  {
    id: 'SIG-described',
    title: 'describes every signal, attribute and relation in a sentence',
    reason: 'The docs, the console and an analysis by a language model show these sentences.',
    severity: 'error',
    remedy: 'Write a sentence that ends with a full stop.',
    find: ({ connector }) =>
      Object.values(connector.signals).flatMap((declared) => {
        const name = declared.signal === 'entity' ? declared.type : declared.name
        const relations = declared.signal === 'entity' ? declared.relations : {}
        const texts = Object.entries({ ...declared.attributes, ...relations, [name]: declared.description })
        return texts
          .filter(([, text]) => text.trim() === '')
          .map(([what]) =>
            what === name ? `\`${name}\` has no description` : `\`${what}\` of \`${name}\` has no description`,
          )
      }),
  },
  rehearsed(
    {
      id: 'SIG-declared',
      title: 'reports only what it declares',
      reason: 'Core leaves out signals that are not declared: what they say is lost.',
      severity: 'error',
      remedy: 'Add the signal to `signals`.',
    },
    problemsOf('SIG-declared'),
  ),
  rehearsed(
    {
      id: 'SIG-unit-kind',
      title: 'reports each metric with its declared unit and kind',
      reason: 'Core leaves out such points: a value in another unit is a wrong value.',
      severity: 'error',
      remedy: 'Create points with `point` of the declared metric.',
    },
    problemsOf('SIG-unit-kind'),
  ),
  rehearsed(
    {
      id: 'SIG-attributes',
      title: 'reports only attributes that it declares',
      reason: 'Core leaves out signals with attributes that are not declared.',
      severity: 'error',
      remedy: 'Declare the attribute with a sentence in `attributes` of its signal.',
    },
    problemsOf('SIG-attributes'),
  ),
  rehearsed(
    {
      id: 'SIG-relations',
      title: 'reports only relations that it declares',
      reason: 'Core leaves out entities with relations that are not declared, and the topology breaks.',
      severity: 'error',
      remedy: 'Declare the relation with a sentence in `relations` of its entity.',
    },
    problemsOf('SIG-relations'),
  ),
  {
    id: 'SIG-coverage',
    title: 'reports every declared signal in some scenario',
    reason: 'A signal that no scenario reports is not tested, or does not exist.',
    severity: 'warning',
    remedy: 'Extend a scenario so that it is reported, or remove the signal.',
    find: async (subject) => {
      const all = await subject.rehearsals()
      if (all.length === 0) return { skipped: 'it needs a scenario' }
      if (all.some(({ connections }) => connections.length === 0)) return { skipped: 'it needs scenarios that connect' }
      const reported = new Set<string>()
      for (const { signals } of all.flatMap(reportedBy)) {
        for (const { type } of signals.entities) reported.add(`entity \`${type}\``)
        for (const { name } of signals.metrics) reported.add(`metric \`${name}\``)
        for (const { name } of signals.events) reported.add(`event \`${name}\``)
      }
      return Object.values(subject.connector.signals)
        .map((declared) => `${declared.signal} \`${declared.signal === 'entity' ? declared.type : declared.name}\``)
        .filter((name) => !reported.has(name))
        .map((name) => `no scenario reports the ${name}`)
    },
  },
]
