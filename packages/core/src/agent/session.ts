import { validate } from 'uuid'
import type { Connector } from '../connector/connector.ts'
import type { Redactor } from '../delivery/redaction.ts'
import { ConnectionError } from '../errors/connection-error.ts'
import { reasonOf, shortReason } from '../errors/error-reason.ts'
import type { KeyedHash } from '../keyed-hash.ts'
import type { Logger } from '../logger.ts'
import { type CollectorStatus, LIMITS } from '../platform/protocol.ts'
import type { StateStore } from '../state/state-store.ts'
import { settleWithin } from '../timers.ts'
import { agentIdOf, provisionalAgentId } from './agent-identity.ts'
import { type Collection, createCollection } from './collect/collector-runner.ts'
import { createConnection } from './connect.ts'
import { createLeadership, type Leadership } from './election/election-runner.ts'
import type { Reporter } from './report/report-builder.ts'
import { type CheckedSignals, createSignalCheck } from './validate/validate-signals.ts'
import { createCursors } from './watch/cursor-store.ts'
import { createWatching, type Watching } from './watch/watcher-supervisor.ts'

/** Where an agent's id is kept between runs. */
const AGENT_ID = 'agent-id'

export interface OpeningOptions<Config, Client> {
  readonly connector: Connector<Config, Client>
  readonly config: Config
  readonly redactor: Redactor
  readonly log: Logger
  readonly state: StateStore
  /** Reads the key of keyed hashes. Never rejects. */
  readonly openKeyedHash: () => Promise<KeyedHash>
  readonly now: () => Date
  /** Aborts when the agent stops. */
  readonly signal: AbortSignal
  /** Takes what a watcher saw. */
  readonly emit: (signals: CheckedSignals) => void
  readonly instanceId: string
  /** The role in the election is another one, or the election began or ceased to fail. */
  readonly onElection: () => void
}

/** What exists once the connector's client is open. */
export interface Open {
  readonly reporter: Reporter
  /** What people call what is watched. */
  readonly name: string
  readonly collection: Collection
  readonly watching: Watching
  /** Where the connector has an election. */
  readonly leadership?: Leadership
}

/** Opens a connector's client, and knows who the agent is before and after. */
export interface Opening {
  /** Opens the client, or returns what is open. A failed attempt is forgotten: the next call tries again. */
  open(): Promise<Open>
  /** The same for an agent that goes on trying: `false` where `open` rejects. */
  tryOpen(): Promise<boolean>
  /** What is open now. */
  current(): Open | undefined
  /** Why the client is not open, as heartbeats show it. */
  failure(): CollectorStatus | undefined
  agentId(): string
  /** Whether that is an id for the time being only. */
  isProvisional(): boolean
  /** The provisional id under which the agent was heard before it knew its own. */
  replaces(): string | undefined
  /** Closes the client within so many milliseconds. Never rejects. */
  close(milliseconds: number): Promise<void>
}

/** An opening of nothing yet. */
export function createOpening<Config, Client>(options: OpeningOptions<Config, Client>): Opening {
  const { connector, redactor, log, state, signal } = options
  const connection = createConnection(options)
  let opening: Promise<Open> | undefined
  let opened: Open | undefined
  let failure: CollectorStatus | undefined
  let fallback: FallbackId | undefined
  let replaces: string | undefined

  const openNow = async (): Promise<Open> => {
    const { client, identity } = await connection.open(signal)
    const agentId = agentIdOf(connector.type, identity.id)
    await state.write(AGENT_ID, agentId).catch((error: unknown) => {
      log.warn({}, `the state directory cannot be written, cursors do not outlive this run: ${reasonOf(error)}`)
    })
    signal.throwIfAborted()
    if (fallback?.provisional === true) replaces = fallback.id
    failure = undefined
    const reporter: Reporter = { agentId, observes: identity.entity }
    opened = {
      reporter,
      name: redactor.text(identity.name).slice(0, LIMITS.identifier),
      ...readers(client, agentId, options),
    }
    return opened
  }

  const open = (): Promise<Open> => {
    opening ??= openNow().catch((error: unknown) => {
      opening = undefined
      // What a connector throws may hold the secrets that it was given: its own message, causes and fields.
      throw new ConnectionError(shortReason(reasonOf(error), redactor.text))
    })
    return opening
  }

  const fail = async (error: unknown): Promise<void> => {
    const reason = shortReason(reasonOf(error), redactor.text)
    if (failure?.error !== reason && !signal.aborted)
      log.error({}, `${connector.title} cannot be read yet, the agent goes on trying: ${reason}`)
    failure = { ok: false, error: reason }
    fallback ??= await findFallback(connector.type, state)
  }

  return {
    open,
    tryOpen: async () => {
      try {
        await open()
        return true
      } catch (error) {
        await fail(error)
        return false
      }
    },
    current: () => opened,
    failure: () => failure,
    agentId: () => opened?.reporter.agentId ?? fallback?.id ?? provisionalAgentId(connector.type),
    isProvisional: () => opened === undefined && fallback?.provisional !== false,
    replaces: () => replaces,
    close: (milliseconds) => {
      opened = undefined
      return settleWithin(connection.close(milliseconds), milliseconds)
    },
  }
}

function readers<Config, Client>(
  client: Client,
  agentId: string,
  options: OpeningOptions<Config, Client>,
): Pick<Open, 'collection' | 'watching' | 'leadership'> {
  const { connector, redactor, log, state, now, signal, emit, instanceId, onElection } = options
  const { election } = connector
  const shared = {
    connector: connector as unknown as Connector<unknown, Client>,
    client,
    check: createSignalCheck(connector.signals, redactor.text),
    redact: redactor.text,
    now,
  }
  return {
    collection: createCollection({ ...shared, log, signal }),
    watching: createWatching({ ...shared, cursors: createCursors(state, agentId, log), log, emit }),
    ...(election === undefined
      ? {}
      : {
          leadership: createLeadership({
            election,
            client,
            instanceId,
            now,
            redact: redactor.text,
            log,
            onChange: onElection,
          }),
        }),
  }
}

/** The id saved by an earlier run, or a provisional one, while the client has never been open. */
interface FallbackId {
  readonly id: string
  readonly provisional: boolean
}

async function findFallback(type: string, state: StateStore): Promise<FallbackId> {
  const saved = await state.read(AGENT_ID).catch(() => undefined)
  return saved === undefined || !validate(saved)
    ? { id: provisionalAgentId(type), provisional: true }
    : { id: saved, provisional: false }
}
