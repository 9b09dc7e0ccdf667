import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { Event, Gap } from '../connector/signals.ts'
import { reasonOf, shortReason } from '../errors/error-reason.ts'
import { redactSecrets } from '../redaction/redact-secrets.ts'
import type { StateStore } from '../state/state-store.ts'
import { selfSignals } from './report/self-metrics.ts'

/** Time after the last unhandled rejection for which its gap stays open: longer than most collection intervals. */
const REJECTION_GAP_MS = 10 * 60_000

/** In UTF-16 code units. */
const MAX_STACK_LENGTH = 16_384

const FILE = 'crash.json'

/** An error of a connector that concerns the whole process. */
export interface ProcessError {
  /** Event of `process` that announced it, or `exit` for a call of `process.exit`. Only a rejection goes on. */
  readonly origin: 'uncaughtException' | 'exit' | 'unhandledRejection'
  /** The thrown value. Of `exit`, an error whose stack names the caller. */
  readonly error: unknown
  /** Code of `exit`. */
  readonly exitCode?: number | undefined
  /** The connector's package, if it is known. */
  readonly package?: { readonly name: string; readonly version: string } | undefined
}

const crashSchema = z.object({
  at: z.iso.datetime(),
  /** Absent if the agent had not connected. */
  agent_id: z.string().optional(),
  reason: z.string(),
  stack: z.string().optional(),
  exit_code: z.number().optional(),
  package: z.string().optional(),
  version: z.string().optional(),
})

type Crash = z.output<typeof crashSchema>

export interface ProcessErrorOptions {
  readonly agentType: string
  /** Keeps the record of a crash for the next run. Without it, there is none. */
  readonly directory: string | undefined
  /** Reads that directory. */
  readonly state: Pick<StateStore, 'read'>
  /** Returns the agent's id, `undefined` until it has connected. */
  readonly agentId: () => string | undefined
  readonly redact: (text: string) => string
  readonly now: () => Date
}

export type ProcessErrors = ReturnType<typeof createProcessErrors>

/** Keeps errors that concern the whole process: a rejection as a gap, the end of the process for the next run. */
export function createProcessErrors(options: ProcessErrorOptions) {
  const { agentType, directory, state, redact, now } = options
  const withoutSecrets = (text: string): string => redact(redactSecrets(text))
  let rejections = 0
  let last: { readonly reason: string; readonly at: Date } | undefined
  let since: Date | undefined

  const addRejection = (error: unknown): void => {
    rejections += 1
    last = { reason: shortReason(reasonOf(error), withoutSecrets), at: now() }
    since ??= last.at
  }
  const recordCrash = ({ origin, error, exitCode, package: from }: ProcessError): void => {
    if (directory === undefined) return
    const agentId = options.agentId()
    const stack = error instanceof Error && error.stack !== undefined ? withoutSecrets(error.stack) : undefined
    const crash: Crash = {
      at: now().toISOString(),
      ...(agentId === undefined ? {} : { agent_id: agentId }),
      reason: origin === 'exit' ? 'it called process.exit' : shortReason(reasonOf(error), withoutSecrets),
      ...(stack === undefined ? {} : { stack: stack.slice(0, MAX_STACK_LENGTH) }),
      ...(exitCode === undefined ? {} : { exit_code: exitCode }),
      ...(from === undefined ? {} : { package: from.name, version: from.version }),
    }
    writeNow(join(directory, FILE), JSON.stringify(crash))
  }

  const readCrash = (): Promise<Crash | undefined> => state.read(FILE).then(parseCrash, () => undefined)

  return {
    /** Records an error. Synchronous, since the process may end right after it. Never throws. */
    record: (error: ProcessError): void => {
      try {
        if (error.origin === 'unhandledRejection') addRejection(error.error)
        else recordCrash(error)
      } catch {
        // The log has the error: a record that cannot be written must not hide it.
      }
    },
    /** Returns the gap of unhandled rejections, until none has occurred for ten minutes. */
    gaps: (): Gap[] => {
      if (last === undefined || since === undefined) return []
      if (now().getTime() - last.at.getTime() > REJECTION_GAP_MS) {
        rejections = 0
        last = undefined
        since = undefined
        return []
      }
      const reason = `it left ${rejections} rejected ${rejections === 1 ? 'promise' : 'promises'} unhandled: what they should have read may be missing. The last one: ${last.reason}`
      return [{ scope: `connector:${agentType}`, reason, since: since.toISOString() }]
    },
    /** Returns how this agent's last run ended as an event, `undefined` if it left no record. Never rejects. */
    lastCrash: async (agentId: string): Promise<Event | undefined> => {
      const crash = await readCrash()
      const isOwn = crash !== undefined && (crash.agent_id ?? agentId) === agentId
      return isOwn ? crashEvent(crash, agentType, agentId) : undefined
    },
    /** Returns the reason if the last run ended before it had connected. Never rejects. */
    earlyCrash: async (): Promise<string | undefined> => {
      const crash = await readCrash()
      return crash?.agent_id === undefined ? crash?.reason : undefined
    },
  }
}

/** Replaces a small file and creates its directory. */
function writeNow(path: string, text: string): void {
  const directory = dirname(path)
  for (const one of [dirname(directory), directory])
    try {
      mkdirSync(one, { mode: 0o700 })
    } catch {
      // It exists, or the next call fails as well.
    }
  writeFileSync(`${path}.tmp`, text, { mode: 0o600 })
  renameSync(`${path}.tmp`, path)
}

/** Parses a record, `undefined` for a missing one and one that a power failure damaged. */
function parseCrash(text: string | undefined): Crash | undefined {
  try {
    return text === undefined ? undefined : crashSchema.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

function crashEvent(crash: Crash, agentType: string, agentId: string): Event {
  const from = crash.package === undefined ? '' : ` of ${crash.package}@${crash.version}`
  return selfSignals.crashed.event({
    id: `agent.crashed ${crash.at}`,
    at: new Date(crash.at),
    entity: selfSignals.agent.reference(agentId),
    body: `The connector ${agentType}${from} ended the agent: ${crash.reason}`,
    attributes: {
      'rca.agent.type': agentType,
      'rca.connector.package': crash.package,
      'rca.connector.version': crash.version,
      'exception.message': crash.reason,
      'exception.stacktrace': crash.stack,
      'process.exit.code': crash.exit_code,
    },
  })
}
