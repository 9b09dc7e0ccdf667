import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { reasonOf } from '@rca/core/testing'
import { openSession } from '../session.ts'
import type { CheckDefinition } from '../subject.ts'
import { distinct, rehearsed } from './definitions.ts'

/** Rounds before, and in each of two measurements. */
const MEMORY_ROUNDS = 4

/** Growth that counts as a leak, if each measurement exceeds it. */
const MAX_GROWTH_BYTES = 2 * 1024 * 1024

/** Checks of the end of a client, and of what a connector does to the whole process. */
export const processChecks: readonly CheckDefinition[] = [
  rehearsed(
    {
      id: 'DIS-ends',
      title: 'disconnects without an error, and soon',
      reason: 'The agent waits for it when it stops.',
      severity: 'error',
      remedy: 'Destroy connections instead of waiting for their end.',
    },
    ({ disconnect: { ended, error } }, { patienceMs }) => [
      ...(ended ? [] : [`\`disconnect\` did not end within ${patienceMs} ms`]),
      ...(error === undefined ? [] : [`\`disconnect\` failed: ${reasonOf(error)}`]),
    ],
  ),
  rehearsed(
    {
      id: 'DIS-twice',
      title: 'can be disconnected twice',
      reason: 'Core may close a client that a failure has closed already.',
      severity: 'error',
      remedy: 'Let the second call of `disconnect` do nothing.',
    },
    ({ disconnect: { secondError } }) =>
      secondError === undefined ? [] : [`the second \`disconnect\` failed: ${reasonOf(secondError)}`],
  ),
  rehearsed(
    {
      id: 'DIS-handles',
      title: 'leaves nothing open',
      reason: 'Each reconnection would leave another timer, socket or process behind.',
      severity: 'error',
      remedy: 'Close in `disconnect` what `connect`, collectors and watchers have opened.',
    },
    ({ leaked }) => distinct(leaked).map((kind) => `${kind} is still open after \`disconnect\``),
  ),
  rehearsed(
    {
      id: 'RUN-prototypes',
      title: 'leaves prototypes as they are while it runs',
      reason: 'They belong to every package in the process: a changed prototype has ended a platform.',
      severity: 'error',
      remedy: 'Keep functions in modules of your own. If a client library changes a prototype, use another one.',
    },
    ({ process }) => distinct(process.prototypes).map((name) => `it changed \`${name}\``),
  ),
  rehearsed(
    {
      id: 'RUN-no-exit',
      title: 'does not end the process',
      reason: 'The agent would end without a word, and nothing is watched.',
      severity: 'error',
      remedy: 'Throw an error instead.',
    },
    ({ process }) => distinct(process.exits).map((call) => `it called \`${call}\``),
  ),
  rehearsed(
    {
      id: 'RUN-no-uncaught',
      title: 'leaves no error uncaught',
      reason: 'An error that is thrown in a timer, or emitted without a listener, ends the agent.',
      severity: 'error',
      remedy: 'Listen to `error` of each emitter, and catch errors in callbacks.',
    },
    ({ process }) => distinct(process.uncaught.map((error) => `uncaught: ${reasonOf(error)}`)),
  ),
  rehearsed(
    {
      id: 'RUN-no-unhandled',
      title: 'leaves no promise rejected without a handler',
      reason: 'An error that is not handled is a failure that is not reported.',
      severity: 'error',
      remedy: 'Await each promise, or catch its error.',
    },
    ({ process }) => distinct(process.unhandled.map((error) => `unhandled: ${reasonOf(error)}`)),
  ),
  {
    id: 'RUN-memory',
    title: 'does not use more memory with each round',
    reason: 'An agent runs for months.',
    severity: 'warning',
    remedy: 'Bound caches, and keep the last reading only: `swapState` does.',
    find: ({ inScenarios }) =>
      inScenarios(async (options) => {
        const session = await openSession(options)
        try {
          const collectGarbage = garbageCollector()
          const heapAfterRounds = async (): Promise<number> => {
            for (let round = 0; round < MEMORY_ROUNDS; round += 1) await session.round()
            collectGarbage()
            return process.memoryUsage().heapUsed
          }
          const [start, middle, end] = [await heapAfterRounds(), await heapAfterRounds(), await heapAfterRounds()]
          return Math.min(middle - start, end - middle) > MAX_GROWTH_BYTES
            ? [`the heap grew by ${Math.round((end - start) / 1024)} KiB in ${2 * MEMORY_ROUNDS} rounds`]
            : []
        } finally {
          await session.disconnect()
        }
      }),
  },
  rehearsed(
    {
      id: 'OUT-silent',
      title: 'prints nothing on standard output',
      reason: '`rca-agent collect` prints JSON there for other programs.',
      severity: 'error',
      remedy: 'Use `log` of the context of `connect`.',
    },
    ({ process }) => distinct(process.printed).map((text) => `it printed ${JSON.stringify(text.slice(0, 100))}`),
  ),
]

/** Returns a function that collects all garbage, without a flag for the process. */
function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}
