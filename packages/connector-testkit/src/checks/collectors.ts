import { collectContext } from '../collect-context.ts'
import { openSession, type Round, settlesWithin, signalsOf } from '../session.ts'
import type { CheckDefinition } from '../subject.ts'
import { distinct, failuresOf, rehearsed } from './definitions.ts'
import { withFault } from './faults.ts'
import { drained } from './pages.ts'
import { problemsOf } from './signals.ts'

/** CPU time for which a collector may hold the event loop. */
const MAX_TURN_MS = 300

const TIMEOUT = /did not finish within|previous run still in progress/

/** Checks of collectors in a system that works. */
export const collectorChecks: readonly CheckDefinition[] = [
  rehearsed(
    {
      id: 'COL-works',
      title: 'collects without an error from a system that works',
      reason: 'A collector that fails reports nothing but a gap.',
      severity: 'error',
      remedy: 'Read the error: the collector threw it in a scenario without faults.',
    },
    ({ connections }) =>
      distinct(
        connections
          .flatMap(({ rounds }) => failuresOf(rounds))
          .filter(({ error }) => !TIMEOUT.test(error))
          .map(({ collector, error }) => `\`${collector}\` failed: ${error}`),
      ),
  ),
  rehearsed(
    {
      id: 'COL-returns',
      title: 'returns signals in the form of the contract',
      reason: 'Core leaves out what it cannot read.',
      severity: 'error',
      remedy: 'Return `{ entities, metrics, events, gaps, unread }`, with signals that the declarations create.',
    },
    problemsOf('COL-returns'),
  ),
  rehearsed(
    {
      id: 'COL-deadline',
      title: 'collects within its timeout',
      reason: 'Core ends the run at the timeout, and skips further ones until it has settled.',
      severity: 'error',
      remedy: 'Pass `signal` to every request, and set `timeout` if the system takes longer.',
    },
    ({ connections }) =>
      distinct(
        connections
          .flatMap(({ rounds }) => failuresOf(rounds))
          .filter(({ error }) => TIMEOUT.test(error))
          .map(({ collector, error }) => `\`${collector}\`: ${error}`),
      ),
  ),
  {
    id: 'COL-abort',
    title: 'ends soon when its run is aborted',
    reason: 'A collector that goes on after the abort delays the end of the agent, and skips the next runs.',
    severity: 'error',
    remedy: 'Pass `signal` to every request and wait.',
    find: ({ connector, inScenarios }) =>
      inScenarios(async (options) => {
        const session = await openSession(options)
        const late: string[] = []
        try {
          for (const [name, collector] of Object.entries(connector.collectors)) {
            const controller = new AbortController()
            const context = collectContext({ signal: controller.signal, now: session.clock.now, fullSnapshot: true })
            const result = collector.collect(session.client, context)
            const run = 'then' in result ? result : drained(result)
            controller.abort()
            if (!(await settlesWithin(run, options.patienceMs))) late.push(name)
          }
        } finally {
          await session.disconnect()
        }
        return late.map((name) => `\`${name}\` still ran ${options.patienceMs} ms after the abort`)
      }),
  },
  rehearsed(
    {
      id: 'COL-yields',
      title: 'never holds the event loop',
      reason: 'Heartbeats, other collectors and the end of the agent wait meanwhile.',
      severity: 'error',
      remedy: 'Split the work with `inTimeSlices`, or do less of it.',
    },
    ({ connections }) => {
      const collectors = new Map<string, number>()
      // The least of all rounds: the first one loads code.
      // The first round may load code, and one measurement may include other work of the process.
      for (const { rounds } of connections)
        for (const round of rounds.slice(1))
          for (const [name, { longestTurnMs }] of round)
            collectors.set(name, Math.min(longestTurnMs, collectors.get(name) ?? Number.POSITIVE_INFINITY))
      return [...collectors]
        .filter(([, longestTurnMs]) => longestTurnMs >= MAX_TURN_MS)
        .map(([name, longestTurnMs]) => `\`${name}\` held the event loop for ${Math.round(longestTurnMs)} ms of CPU`)
    },
  ),
  {
    id: 'COL-empty',
    title: 'reports an empty system without an error',
    reason: 'A system without queues, pods or functions is healthy: a gap there hides real ones.',
    severity: 'error',
    remedy: 'Return empty lists if there is nothing.',
    find: ({ inScenarios }) =>
      inScenarios(async (options) => {
        const { system } = options
        if (system?.empty === undefined) return { skipped: 'it needs `empty` of a scenario' }
        const session = await openSession(options)
        try {
          const before = troublesOf(await session.round())
          const during = troublesOf(await withFault(system.empty, session.round))
          return during.filter((trouble) => !before.includes(trouble))
        } finally {
          await session.disconnect()
        }
      }),
  },
  {
    id: 'COL-calls',
    title: 'makes as few requests a round as its scenario allows',
    reason: 'Each request costs the watched system, and counts against the limits of its provider.',
    severity: 'error',
    remedy: 'Request lists in place of single things, or cache what seldom changes.',
    find: async (subject) => {
      const all = (await subject.rehearsals()).filter(
        ({ scenario, requests }) => scenario.maxRequests !== undefined && requests !== undefined,
      )
      if (all.length === 0) return { skipped: 'it needs `maxRequests` and `requests` of a scenario' }
      return all
        .filter(({ scenario, requests = 0 }) => requests > (scenario.maxRequests ?? 0))
        .map(({ name, scenario, requests }) => `${name}: ${requests} requests a round, of ${scenario.maxRequests}`)
    },
  },
  {
    id: 'COL-parallel',
    title: 'works beside another agent in the same process',
    reason: 'One process may watch several systems: state of a module is shared by all of them.',
    severity: 'error',
    remedy: 'Keep connections and readings in the client that `connect` returns, never in a variable of a module.',
    find: ({ inScenarios }) =>
      inScenarios(async (options) => {
        if (options.scenario.start === undefined) return { skipped: 'it needs `start` of a scenario' }
        const session = await openSession(options)
        try {
          const before = troublesOf(await session.round())
          const other = { ...options, system: await options.scenario.start() }
          try {
            const second = await openSession(other)
            await second.round()
            await second.disconnect()
          } finally {
            await other.system.close()
          }
          const after = troublesOf(await session.round())
          return after
            .filter((trouble) => !before.includes(trouble))
            .map((trouble) => `after another agent ended, ${trouble}`)
        } finally {
          await session.disconnect()
        }
      }),
  },
]

/** Returns the failures and gaps of a round. */
function troublesOf(round: Round): string[] {
  const gaps = signalsOf(round).gaps.map(({ scope, reason }) => `a gap \`${scope}\`: ${reason}`)
  return [...failuresOf([round]).map(({ collector, error }) => `\`${collector}\` failed: ${error}`), ...gaps]
}
