import type { Event } from '@rca/core/connector'
import type { DockerClient } from '../docker-client.ts'
import type { ContainerDetails, EngineEvent } from '../engine/engine-api.ts'
import { timeoutSignal } from '../timeout-signal.ts'
import { inferMissedEvents } from './missed-events.ts'
import { findStartFailures } from './start-failure.ts'

/** Interval at which the containers are compared with the events that the stream delivered. */
export const CHECK_INTERVAL = '10s'

/** Difference between the times that a container and its event have. Larger than during a gap: checks are frequent. */
const CHECK_TOLERANCE_MS = 1_000

const LIST_TIMEOUT_MS = 30_000

/** Result of a comparison. */
export interface StreamCheck {
  /** Events that the stream has not delivered since the previous comparison, which missed them, too. */
  readonly overdue: readonly EngineEvent[]
  /** True if every event was delivered. */
  readonly isComplete: boolean
  /** Failed starts that the engine sends no event about. */
  readonly startFailures: readonly Event[]
}

/** Creates a function that compares the containers with the delivered events. Never rejects. */
export function createStreamCheck(client: DockerClient, since: number) {
  const { history, inventory } = client
  let suspected = new Set<string>()
  return async (now: Date, signal: AbortSignal): Promise<StreamCheck> => {
    const known = history.ids()
    let found: readonly ContainerDetails[]
    try {
      found = await inventory.listContainers(timeoutSignal(LIST_TIMEOUT_MS, signal), 0)
    } catch {
      // The collectors report that the engine does not answer.
      return { overdue: [], isComplete: false, startFailures: [] }
    }
    const { lastKnown } = inventory
    const missed = inferMissedEvents(history, since, { known, found, lastKnown, now, toleranceMs: CHECK_TOLERANCE_MS })
    const overdue = missed.filter((event) => suspected.has(keyOf(event)))
    suspected = new Set(missed.map(keyOf))
    const startFailures = await findStartFailures(found, client, now, signal)
    return { overdue, isComplete: missed.length === 0, startFailures }
  }
}

/** The time of an inferred removal differs each time. */
function keyOf({ actor, action, timeNano }: EngineEvent): string {
  return action === 'destroy' ? `${actor}/${action}` : `${actor}/${action}/${timeNano}`
}
