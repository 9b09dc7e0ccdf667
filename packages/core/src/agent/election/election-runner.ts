import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { Election } from '../../connector/election.ts'
import { reasonOf, shortReason } from '../../errors/error-reason.ts'
import type { Logger } from '../../logger.ts'
import { type CollectorStatus, LIMITS, type Role } from '../../platform/protocol.ts'
import { type Failure, supervise } from '../../supervise.ts'
import { abortableSleep } from '../../timers.ts'

/** An election that ran this long without failing counts as recovered, won or not. */
const SETTLED_AFTER_MS = 30_000

export interface ElectionRunnerOptions<Client> {
  readonly election: Election<Client>
  readonly client: Client
  readonly instanceId: string
  readonly now: () => Date
  readonly redact: (text: string) => string
  readonly log: Logger
  /** Called when the role has changed, and when the election begins to fail or recovers. */
  readonly onChange: () => void
}

export type ElectionRunner = ReturnType<typeof createElectionRunner>

/** Returns a name for this process that is unique among the candidates. */
export function newInstanceId(): string {
  const unique = randomBytes(4).toString('hex')
  return `${hostname().slice(0, LIMITS.name - unique.length - 1)}-${unique}`
}

/** Takes part in an election, at first as a standby. */
export function createElectionRunner<Client>(options: ElectionRunnerOptions<Client>) {
  const { instanceId, redact, log, onChange } = options
  let role: Role = 'standby'
  let failure: CollectorStatus | undefined

  const setRole = (next: Role): void => {
    if (next === 'leader') recover()
    if (role === next) return
    role = next
    log.info({ instance_id: instanceId }, next === 'leader' ? 'became leader' : 'became standby')
    onChange()
  }
  const recover = (): void => {
    if (failure === undefined) return
    failure = undefined
    log.info({}, 'election recovered')
    onChange()
  }
  const onFailure = ({ error, restartInMs }: Failure): void => {
    const reason = shortReason(reasonOf(error), redact)
    const level = failure?.error === reason ? 'debug' : 'warn'
    log[level]({ restart_in_ms: Math.round(restartInMs), error: reason }, 'election failed, restarting')
    failure = { ok: false, error: reason }
    onChange()
  }

  return {
    /** Takes part until `signal` aborts, with restarts. Resolves when the leadership is released. */
    run: (signal: AbortSignal): Promise<void> =>
      supervise(
        () => runElection(options, setRole, signal),
        { settledAfterMs: SETTLED_AFTER_MS, onSettled: recover, onFailure },
        signal,
      ),
    role: () => role,
    /** Returns why the election fails at present, as heartbeats show it. */
    failure: () => failure,
  }
}

async function runElection<Client>(
  { election, client, instanceId, now }: ElectionRunnerOptions<Client>,
  setRole: (role: Role) => void,
  signal: AbortSignal,
): Promise<void> {
  let hasEnded = false
  // Ignores calls of a run that has ended, and a promotion while the agent stops.
  const setRoleIfActive = (role: Role): void => {
    if (!hasEnded && !(role === 'leader' && signal.aborted)) setRole(role)
  }
  try {
    await election.run(client, {
      signal,
      instanceId,
      now,
      sleep: abortableSleep(signal),
      promote: () => setRoleIfActive('leader'),
      demote: () => setRoleIfActive('standby'),
    })
    if (!signal.aborted) throw new Error('it ended by itself')
  } finally {
    hasEnded = true
    setRole('standby')
  }
}
