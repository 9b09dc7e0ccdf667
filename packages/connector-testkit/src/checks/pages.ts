import type { Collector, StreamingCollector } from '@rca/core/connector'
import { entityKey } from '@rca/core/testing'
import { collectContext } from '../collect-context.ts'
import { type CheckSession, openSession, type Round, settlesWithin, signalsOf } from '../session.ts'
import type { CheckDefinition } from '../subject.ts'
import { failuresOf } from './definitions.ts'
import { withFault } from './faults.ts'

/** Checks of lists that a system serves in pages. */
export const pageChecks: readonly CheckDefinition[] = [
  {
    id: 'COL-pages',
    title: 'reads all pages of a list, and ends if a page repeats',
    reason: 'A large system would look smaller than it is, and a fault of its pages would occupy the agent for ever.',
    severity: 'error',
    remedy: 'Request the next page until there is none, and throw if its token is the one before.',
    find: ({ connector, inScenarios }) =>
      inScenarios(async (options) => {
        const { pages, samePage } = options.system ?? {}
        if (pages === undefined && samePage === undefined)
          return { skipped: 'it needs `pages` or `samePage` of a scenario' }
        const session = await openSession(options)
        try {
          const rounds = [await session.round(), await session.round()] as const
          const [before] = rounds
          const failed = failuresOf([before]).map(({ collector }) => collector)
          const working = Object.entries(connector.collectors).filter(([name]) => !failed.includes(name))
          const missing = pages === undefined ? [] : missingIn(await withFault(pages, session.round), rounds)
          const endless =
            samePage === undefined
              ? []
              : await withFault(samePage, () => endlessCollectors(working, session, options.patienceMs))
          return [
            ...missing,
            ...endless.map((name) => `\`${name}\` still read the same page after ${options.patienceMs} ms`),
          ]
        } finally {
          await session.disconnect()
        }
      }),
  },
]

/** Finds failures of a round that the first did not have, and entities of both rounds before that it lacks. */
function missingIn(round: Round, [before, next]: readonly [Round, Round]): string[] {
  const keys = (each: Round): Set<string> => new Set(signalsOf(each).entities.map(entityKey))
  const [found, stable] = [keys(round), keys(next)]
  const missing = signalsOf(before).entities.filter((entity) => {
    const key = entityKey(entity)
    return stable.has(key) && !found.has(key)
  })
  const [first] = missing
  const failed = new Set(failuresOf([before]).map(({ collector }) => collector))
  return [
    ...failuresOf([round])
      .filter(({ collector }) => !failed.has(collector))
      .map(({ collector, error }) => `\`${collector}\` failed with several pages: ${error}`),
    ...(first === undefined ? [] : [`with several pages, ${missing.length} entities are missing, such as ${first.id}`]),
  ]
}

/** Returns the names of collectors that do not end in time, and aborts them. */
async function endlessCollectors(
  collectors: readonly (readonly [name: string, collector: Collector<unknown> | StreamingCollector<unknown>])[],
  { client, clock }: CheckSession,
  patienceMs: number,
): Promise<string[]> {
  const endless: string[] = []
  for (const [name, collector] of collectors) {
    const controller = new AbortController()
    const context = collectContext({ signal: controller.signal, now: clock.now, fullSnapshot: true })
    const result = collector.collect(client, context)
    const run = 'then' in result ? result : drained(result)
    if (!(await settlesWithin(run, patienceMs))) endless.push(name)
    controller.abort()
    await settlesWithin(run, patienceMs)
  }
  return endless
}

/** Reads all parts of a collector that is a generator. */
export async function drained(parts: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of parts);
}
