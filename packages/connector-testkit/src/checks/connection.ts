import { parseConfig } from '@rca/core'
import { reasonOf } from '@rca/core/testing'
import { connectContext } from '../connect-context.ts'
import type { Fault } from '../scenario.ts'
import { optionsOf, type SessionOptions, settlesWithin } from '../session.ts'
import type { CheckDefinition } from '../subject.ts'
import { rehearsed } from './definitions.ts'
import { withFault } from './faults.ts'

/** How one attempt to connect ended. */
type Outcome =
  | { readonly how: 'connected' | 'hanging' }
  | { readonly how: 'rejected'; readonly error: unknown; readonly reason: string }

/** Time after which a silent system is no longer waited for, as at core's timeout. */
const SILENCE_MS = 100

/** Checks of `connect`. */
export const connectionChecks: readonly CheckDefinition[] = [
  rehearsed(
    {
      id: 'CON-works',
      title: 'connects to a system that works',
      reason: 'Nothing is watched without a connection.',
      severity: 'error',
      remedy: 'Read the error: `connect` rejected with it.',
    },
    ({ connectError, connections }) =>
      connections.length > 0 ? [] : [`\`connect\` failed: ${reasonOf(connectError)}`],
  ),
  {
    id: 'CON-abort',
    title: 'ends soon when connecting is aborted',
    reason: 'An agent that stops while it connects waits for the end.',
    severity: 'error',
    remedy: 'Pass `signal` to every request of `connect`.',
    find: ({ inScenarios }) =>
      inScenarios(async (options) => {
        const { how } = await attempt(options, { signal: AbortSignal.abort() })
        return how === 'hanging' ? [`\`connect\` did not end within ${options.patienceMs} ms after the abort`] : []
      }),
  },
  {
    id: 'CON-error',
    title: 'rejects with an `Error`',
    reason: 'Other values have neither a message nor a stack.',
    severity: 'error',
    remedy: 'Throw `new Error("…")`.',
    find: ({ inScenarios }) =>
      inScenarios(async (options) => {
        if (options.system === undefined) return { skipped: 'it needs `start` of a scenario' }
        await options.system.close()
        const outcome = await attempt(options)
        return outcome.how === 'rejected' && !(outcome.error instanceof Error)
          ? [`\`connect\` rejected with a ${typeof outcome.error} instead of an \`Error\``]
          : []
      }),
  },
  {
    id: 'CON-refused',
    title: 'names the address when the system is down',
    reason: 'An operator corrects the address, or starts the system: the error must say which.',
    severity: 'error',
    remedy: 'Request something in `connect`, and throw an error with the address and what to do.',
    find: ({ inScenarios }) =>
      inScenarios(async (options) => {
        const addresses = addressesOf(options)
        if (options.system === undefined || addresses.length === 0)
          return { skipped: 'it needs `options` or the `address` of a started system' }
        await options.system.close()
        const outcome = await attempt(options)
        if (outcome.how !== 'rejected') return [`\`connect\` is ${outcome.how} although the system is down`]
        return addresses.some((address) => outcome.reason.includes(address))
          ? []
          : [`the error does not name ${addresses.join(' or ')}: ${outcome.reason}`]
      }),
  },
  {
    id: 'CON-denied',
    title: 'says that permission is missing when it is refused',
    reason: 'The remedy for a refusal differs from the one for a system that is down.',
    severity: 'error',
    remedy:
      'Request something in `connect`, and name the status (401, 403) in the error, or write that permission was denied.',
    find: ({ inScenarios }) =>
      inScenarios(async (options) => {
        const { system } = options
        if (system?.deny === undefined) return { skipped: 'it needs `deny` of a scenario' }
        const outcome = await withFault(system.deny, () => attempt(options))
        if (outcome.how !== 'rejected') return [`\`connect\` is ${outcome.how} although the system refuses it`]
        return /40[13]|permission|denied|forbidden|unauthori[sz]ed|credential|access|allow/i.test(outcome.reason)
          ? []
          : [`the error does not say that access was refused: ${outcome.reason}`]
      }),
  },
  {
    id: 'CON-slow',
    title: 'ends when the system is silent and core aborts it',
    reason: 'A system that accepts connections and never answers is common: the agent must try again.',
    severity: 'error',
    remedy: 'Pass `signal` to every request of `connect`.',
    find: ({ inScenarios }) =>
      inScenarios(async (options) => {
        const { system } = options
        if (system?.silence === undefined) return { skipped: 'it needs `silence` of a scenario' }
        const { how } = await withFault(system.silence, () =>
          attempt(options, { signal: AbortSignal.timeout(SILENCE_MS) }),
        )
        return how === 'rejected'
          ? []
          : [`\`connect\` is ${how} although the system is silent and \`signal\` has aborted`]
      }),
  },
  {
    id: 'CON-twice',
    title: 'connects after it has failed',
    reason: 'Core tries again until the system is up.',
    severity: 'error',
    remedy: 'Keep nothing of a failed attempt, such as a rejected promise in a variable of a module.',
    find: ({ inScenarios }) =>
      inScenarios(async (options) => {
        const fault: Fault | undefined = options.system?.deny ?? options.system?.silence
        if (fault === undefined) return { skipped: 'it needs `deny` or `silence` of a scenario' }
        if ((await attempt(options)).how !== 'connected')
          return { skipped: 'it needs a scenario in which `connect` works' }
        await withFault(fault, () => attempt(options, { signal: AbortSignal.timeout(SILENCE_MS) }))
        const outcome = await attempt(options)
        return outcome.how === 'connected'
          ? []
          : [`the second \`connect\` is ${outcome.how}${outcome.how === 'rejected' ? `: ${outcome.reason}` : ''}`]
      }),
  },
]

/** Connects, and disconnects at once. */
async function attempt(
  options: SessionOptions,
  { signal = new AbortController().signal }: { readonly signal?: AbortSignal } = {},
): Promise<Outcome> {
  const { connector, patienceMs } = options
  let outcome: Outcome = { how: 'hanging' }
  const context = connectContext(parseConfig(connector, optionsOf(options)).config, signal)
  const connecting = Promise.resolve()
    .then(() => connector.connect(context))
    .then(
      async (client) => {
        outcome = { how: 'connected' }
        await connector.disconnect?.(client)
      },
      (error: unknown) => {
        outcome = { how: 'rejected', error, reason: reasonOf(error) }
      },
    )
  await settlesWithin(connecting, patienceMs)
  return outcome
}

/** Returns what an error can name of a system: its address, texts among its options, and hosts of URLs. */
function addressesOf({ system }: SessionOptions): string[] {
  const { address, options = {} } = system ?? {}
  const texts = [address, ...Object.values(options)].filter((value): value is string => typeof value === 'string')
  return texts
    .flatMap((text) => (URL.canParse(text) ? [new URL(text).host, new URL(text).pathname] : [text]))
    .filter((text) => text.length > 1)
}
