import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { Election } from '../../connector/connector.ts'
import { reasonOf, shortReason } from '../../errors/error-reason.ts'
import type { Logger } from '../../logger.ts'
import { type CollectorStatus, LIMITS, type Role } from '../../platform/protocol.ts'
import { type Failure, supervise } from '../../supervise.ts'
import { abortableSleep } from '../../timers.ts'

/** An election that ran this long without failing counts as recovered, won or not. */
const SETTLED_AFTER_MS = 30_000

export interface LeadershipOptions<Client> {
  readonly election: Election<Client>
  readonly client: Client
  readonly instanceId: string
  readonly now: () => Date
  /** Takes secrets out of error messages. */
  readonly redact: (text: string) => string
  readonly log: Logger
  /** The role is another one, or the election began or ceased to fail. */
  readonly onChange: () => void
}

/** An agent's part in an election: a standby until it wins. */
export interface Leadership {
  /** Takes part until `signal` aborts, however often the election fails. Resolves when what the election held is given up. */
  run(signal: AbortSignal): Promise<void>
  role(): Role
  /** Why the election fails, as heartbeats show it. */
  failure(): CollectorStatus | undefined
}

/** Names this process among those that watch the same thing. */
export function newInstanceId(): string {
  const unique = randomBytes(4).toString('hex')
  return `${hostname().slice(0, LIMITS.name - unique.length - 1)}-${unique}`
}

/** A part in an election that has not begun. */
export function createLeadership<Client>(options: LeadershipOptions<Client>): Leadership {
  const { instanceId, redact, log, onChange } = options
  let role: Role = 'standby'
  let failure: CollectorStatus | undefined

  const become = (next: Role): void => {
    if (next === 'leader') recover()
    if (role === next) return
    role = next
    log.info({ instance_id: instanceId }, next === 'leader' ? 'this agent reports now' : 'this agent stands by')
    onChange()
  }
  const recover = (): void => {
    if (failure === undefined) return
    failure = undefined
    log.info({}, 'the election works again')
    onChange()
  }
  const fail = ({ error, restartInMs }: Failure): void => {
    const reason = shortReason(reasonOf(error), redact)
    const level = failure?.error === reason ? 'debug' : 'warn'
    log[level]({ restart_in_ms: Math.round(restartInMs) }, `the election failed and is started again: ${reason}`)
    failure = { ok: false, error: reason }
    onChange()
  }

  return {
    run: (signal) =>
      supervise(
        () => runOnce(options, become, signal),
        { settledAfterMs: SETTLED_AFTER_MS, onSettled: recover, onFailure: fail },
        signal,
      ),
    role: () => role,
    failure: () => failure,
  }
}

async function runOnce<Client>(
  { election, client, instanceId, now }: LeadershipOptions<Client>,
  become: (role: Role) => void,
  signal: AbortSignal,
): Promise<void> {
  let ended = false
  // A run that ended speaks for nobody any more, and nobody begins to lead who is about to leave.
  const say = (role: Role): void => {
    if (!ended && !(role === 'leader' && signal.aborted)) become(role)
  }
  try {
    await election.run(client, {
      signal,
      instanceId,
      now,
      sleep: abortableSleep(signal),
      promote: () => say('leader'),
      demote: () => say('standby'),
    })
    if (!signal.aborted) throw new Error('it ended by itself')
  } finally {
    ended = true
    become('standby')
  }
}
