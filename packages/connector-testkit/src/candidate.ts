import { setTimeout as wait } from 'node:timers/promises'
import { toMilliseconds } from '@rca/core'
import type { Connector } from '@rca/core/connector'
import type { CheckSession } from './session.ts'

/** An agent that takes part in the election of a connector. */
export interface Candidate {
  /** Resolves once it leads. Rejects if its election ended before. */
  readonly promoted: Promise<void>
  leads(): boolean
  /** Ends its part, as an agent that stops does. Resolves when the connector has released the leadership. */
  stop(): Promise<void>
}

/** A connector may wait for seconds between two looks at the leader. */
const MAX_SLEEP_MS = 50

/**
 * Starts the election of a connector with a client. Its waiting times are short.
 *
 * @param onPromote called whenever the candidate becomes leader
 */
export function startCandidate(
  { election }: Pick<Connector, 'election'>,
  { client, clock }: Pick<CheckSession, 'client' | 'clock'>,
  instanceId: string,
  onPromote: () => void = () => undefined,
): Candidate {
  const controller = new AbortController()
  const { signal } = controller
  let leads = false
  let promote = (): void => undefined
  const first = new Promise<void>((resolve) => {
    promote = resolve
  })
  const ended = Promise.resolve().then(() =>
    election?.run(client, {
      signal,
      instanceId,
      now: clock.now,
      sleep: async (duration) => {
        await wait(Math.min(toMilliseconds(duration), MAX_SLEEP_MS), undefined, { signal })
      },
      promote: () => {
        if (!leads && !signal.aborted) {
          leads = true
          onPromote()
        }
        promote()
      },
      demote: () => {
        leads = false
      },
    }),
  )
  const settled = ended.catch(() => undefined)
  return {
    promoted: Promise.race([
      first,
      ended.then(() => {
        throw new Error('it ended before it led')
      }),
    ]),
    leads: () => leads,
    stop: async () => {
      leads = false
      controller.abort()
      await settled
    },
  }
}
