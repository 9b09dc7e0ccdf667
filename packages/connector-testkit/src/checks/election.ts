import { setTimeout as wait } from 'node:timers/promises'
import { entityKey, reasonOf } from '@rca/core/testing'
import { type Candidate, startCandidate } from '../candidate.ts'
import { type CheckSession, openSession, type Round, settlesWithin, signalsOf } from '../session.ts'
import type { CheckDefinition, Subject } from '../subject.ts'

/** Time in which a second leader would show up. */
const STANDBY_MS = 200

/** Checks of connectors whose agents elect one that reports. */
export const electionChecks: readonly CheckDefinition[] = [
  {
    id: 'ELE-one',
    title: 'lets exactly one agent lead, and another take over without a loss',
    reason: 'Two leaders report every signal twice; without a leader, nothing is reported.',
    severity: 'error',
    remedy:
      'Call `promote` only while the agent holds a lock of the watched system, and release it when `signal` aborts.',
    find: ({ connector, inScenarios }) =>
      connector.election === undefined
        ? { skipped: 'it needs `election`' }
        : inScenarios(async (options) => {
            const first = await openSession(options)
            try {
              const second = await openSession(options)
              try {
                return await findingsOf(connector, [first, second], options.patienceMs)
              } finally {
                await second.disconnect()
              }
            } finally {
              await first.disconnect()
            }
          }),
  },
]

async function findingsOf(
  connector: Subject['connector'],
  [first, second]: readonly [CheckSession, CheckSession],
  patienceMs: number,
): Promise<string[]> {
  let areTwo = false
  const one = startCandidate(connector, first, 'agent-1')
  const failure = await failureOf(one, patienceMs)
  if (failure !== undefined) {
    await settlesWithin(one.stop(), patienceMs)
    return [`the only agent did not become leader: ${failure}`]
  }
  const before = await first.round()
  const other = startCandidate(connector, second, 'agent-2', () => {
    areTwo ||= one.leads()
  })
  try {
    await Promise.race([other.promoted.catch(() => undefined), wait(STANDBY_MS)])
    if (areTwo) return ['two agents lead at the same time']
    if (!(await settlesWithin(one.stop(), patienceMs)))
      return [`\`election.run\` did not end within ${patienceMs} ms after \`signal\` aborted`]
    const lost = await failureOf(other, patienceMs)
    if (lost !== undefined) return [`after the leader stopped, the other agent did not become leader: ${lost}`]
    return missingAfter(before, await second.round())
  } finally {
    await settlesWithin(Promise.all([one.stop(), other.stop()]), patienceMs)
  }
}

/** Returns why a candidate did not become leader in time. */
async function failureOf({ promoted }: Candidate, patienceMs: number): Promise<string | undefined> {
  let reason: string | undefined
  const outcome = promoted.catch((error: unknown) => {
    reason = reasonOf(error)
  })
  return (await settlesWithin(outcome, patienceMs)) ? reason : `it waited for ${patienceMs} ms`
}

function missingAfter(before: Round, after: Round): string[] {
  const found = new Set(signalsOf(after).entities.map(entityKey))
  const missing = signalsOf(before).entities.filter((entity) => !found.has(entityKey(entity)))
  const [first] = missing
  return first === undefined
    ? []
    : [`after another agent took over, ${missing.length} entities are missing, such as ${first.id}`]
}
