import { reasonOf } from '@rca/core/testing'
import { openSession } from '../session.ts'
import type { CheckDefinition } from '../subject.ts'
import { distinct, rehearsed } from './definitions.ts'

const MAX_EVENTS = 2000

/** A cursor that no watcher has saved. */
const SPOILT_CURSOR = '{"spoilt'

/** Checks of watchers. */
export const watcherChecks: readonly CheckDefinition[] = [
  rehearsed(
    {
      id: 'WAT-follows',
      title: 'follows its stream until it is aborted',
      reason: 'A watcher that returns is not started again: its events are missed from then on.',
      severity: 'error',
      remedy: 'Reject when the stream breaks, and return only if it has ended for ever.',
    },
    ({ connections }) =>
      distinct(
        connections.flatMap(({ watchers }) =>
          [...watchers].flatMap(([name, { end, error }]) =>
            end === 'running'
              ? []
              : [`\`${name}\` ${end === 'resolved' ? 'returned at once' : `failed: ${reasonOf(error)}`}`],
          ),
        ),
      ),
  ),
  rehearsed(
    {
      id: 'WAT-abort',
      title: 'ends soon when it is aborted',
      reason: 'The agent waits for its watchers when it stops.',
      severity: 'error',
      remedy: 'Pass `signal` to every request and wait.',
    },
    ({ connections }, { patienceMs }) =>
      distinct(
        connections.flatMap(({ watchers }) =>
          [...watchers].flatMap(([name, { obeyedAbort }]) =>
            obeyedAbort ? [] : [`\`${name}\` still ran ${patienceMs} ms after the abort`],
          ),
        ),
      ),
  ),
  rehearsed(
    {
      id: 'WAT-rate',
      title: 'emits few events at once',
      reason: 'A flood of events pushes others out of the queue.',
      severity: 'error',
      remedy: 'Sample repetitions with `createEventSampler`.',
    },
    ({ connections }) =>
      distinct(
        connections.flatMap(({ watchers }) =>
          [...watchers]
            .filter(([, { signals }]) => signals.events.length > MAX_EVENTS)
            .map(([name, { signals }]) => `\`${name}\` emitted ${signals.events.length} events at once`),
        ),
      ),
  ),
  {
    id: 'WAT-cursor',
    title: 'goes on after its saved cursor, and ignores a spoilt one',
    reason: 'An agent that restarts must neither lose events nor report them twice, and an old state must not stop it.',
    severity: 'error',
    remedy: 'Read the cursor with `openCursor`, and start at its position.',
    find: ({ connector, inScenarios }) =>
      inScenarios(async (options) => {
        const names = Object.keys(connector.watchers ?? {})
        if (names.length === 0) return { skipped: 'it needs watchers' }
        const session = await openSession(options)
        try {
          const spoilt = await session.watch({
            cursors: new Map(names.map((name) => [name, SPOILT_CURSOR])),
            act: options.system?.act,
          })
          const first = await session.watch({ act: options.system?.act })
          const cursors = new Map(
            [...first].flatMap(([name, { cursors: saved }]) => {
              const last = saved.at(-1)
              return last === undefined ? [] : [[name, last] as const]
            }),
          )
          const next = await session.watch({ cursors, act: options.system?.act })
          const failed = [...spoilt].filter(([, { end }]) => end === 'rejected')
          const repeated = [...next].filter(([name, { signals }]) => {
            const ids = new Set(first.get(name)?.signals.events.map(({ id }) => id))
            return cursors.has(name) && signals.events.some(({ id }) => id !== undefined && ids.has(id))
          })
          return [
            ...failed.map(([name, { error }]) => `\`${name}\` failed with a spoilt cursor: ${reasonOf(error)}`),
            ...repeated.map(([name]) => `\`${name}\` emitted events again that precede its saved cursor`),
          ]
        } finally {
          await session.disconnect()
        }
      }),
  },
  {
    id: 'WAT-breaks',
    title: 'rejects when its stream breaks',
    reason: 'Core reports a gap and starts it again only if it rejects.',
    severity: 'error',
    remedy: 'Throw when the stream ends or fails while `signal` has not aborted.',
    find: async ({ connector, inScenarios, rehearsals }) => {
      // `WAT-follows` reports watchers that end by themselves.
      const following = new Set(
        (await rehearsals()).flatMap(({ connections }) =>
          connections.flatMap(({ watchers }) =>
            [...watchers].flatMap(([name, { end }]) => (end === 'running' ? [name] : [])),
          ),
        ),
      )
      return inScenarios(async (options) => {
        const { system } = options
        if (system?.breakStreams === undefined || Object.keys(connector.watchers ?? {}).length === 0)
          return { skipped: 'it needs watchers, and `breakStreams` of a scenario' }
        const session = await openSession(options)
        try {
          // Broken again and again: a stream may not be open yet.
          const timer = setInterval(() => void system.breakStreams?.(), 20)
          const watched = await session.watch({ untilEnd: true }).finally(() => clearInterval(timer))
          return [...watched]
            .filter(([name, { end }]) => following.has(name) && end !== 'rejected')
            .map(([name, { end }]) =>
              end === 'resolved'
                ? `\`${name}\` returned when its stream broke`
                : `\`${name}\` did not notice that its stream broke`,
            )
        } finally {
          await session.disconnect()
        }
      })
    },
  },
]
