import type { Connector } from '../connector/connector.ts'
import type { Redactor } from '../delivery/report-redactor.ts'
import { ConnectionError } from '../errors/connection-error.ts'
import { reasonOf, shortReason } from '../errors/error-reason.ts'
import { type CollectorStatus, LIMITS } from '../platform/protocol.ts'
import { redactSecrets } from '../redaction/redact-secrets.ts'
import type { StateStore } from '../state/state-store.ts'
import { settleWithin, withTimeout } from '../timers.ts'
import { agentIdOf, type FallbackId, provisionalAgentId, readFallbackId, saveAgentId } from './agent-identity.ts'
import { type CollectorRunner, createCollectorRunner } from './collect/collector-runner.ts'
import { type ConnectionOptions, createConnection } from './connect.ts'
import { createElectionRunner, type ElectionRunner } from './election/election-runner.ts'
import type { Reporter } from './report/report-builder.ts'
import { createSignalValidator, type ValidatedSignals } from './validate/validate-signals.ts'
import { type CursorStore, createCursorStore } from './watch/cursor-store.ts'
import { createWatcherSupervisor, type WatcherSupervisor } from './watch/watcher-supervisor.ts'

/** Timeout of reading or writing the agent's key. */
const KEY_STORE_TIMEOUT_MS = 10_000

export interface SessionOptions<Config, Client> extends ConnectionOptions<Config, Client> {
  readonly redactor: Redactor
  readonly state: StateStore
  /** Aborts when the agent stops. */
  readonly signal: AbortSignal
  readonly emit: (signals: ValidatedSignals) => void
  readonly instanceId: string
  /** Called when the role has changed, and when the election begins to fail or recovers. */
  readonly onElectionChange: () => void
}

/** Everything that needs the connector's open client. */
export interface Session {
  readonly reporter: Reporter
  /** Display name of what is watched. */
  readonly name: string
  readonly collectors: CollectorRunner
  readonly watchers: WatcherSupervisor
  readonly cursors: CursorStore
  /** Absent if the connector has no election. */
  readonly election?: ElectionRunner
  /** The connector's own store of the agent's key, which replicas share. */
  readonly keyStore?: StateStore
}

export type SessionOpener = ReturnType<typeof createSessionOpener>

/** Opens the session, and knows the agent's id before and after. */
export function createSessionOpener<Config, Client>(options: SessionOptions<Config, Client>) {
  const { connector, redactor, log, state, signal } = options
  const connection = createConnection(options)
  let opening: Promise<Session> | undefined
  let session: Session | undefined
  let failure: CollectorStatus | undefined
  let fallback: FallbackId | undefined
  let replaces: string | undefined

  const openNow = async (): Promise<Session> => {
    const { client, identity } = await connection.open(signal)
    const agentId = agentIdOf(connector.type, identity.id)
    await saveAgentId(state, agentId).catch((error: unknown) => {
      log.warn({ error: reasonOf(error) }, 'state directory not writable: cursors do not outlive this run')
    })
    signal.throwIfAborted()
    if (fallback?.provisional === true) replaces = fallback.id
    failure = undefined
    session = {
      reporter: { agentId, observes: identity.entity },
      name: redactor.text(identity.name).slice(0, LIMITS.identifier),
      ...createReaders(client, agentId, options),
      ...createKeyStore(connector, client, signal),
    }
    return session
  }

  const open = (): Promise<Session> => {
    opening ??= openNow().catch((error: unknown) => {
      opening = undefined
      // A connector's error may hold secrets in its message, causes and fields: only the redacted reason is passed on.
      throw new ConnectionError(shortReason(reasonOf(error), (text) => redactor.text(redactSecrets(text))))
    })
    return opening
  }

  const recordFailure = async (error: unknown): Promise<void> => {
    const reason = shortReason(reasonOf(error), redactor.text)
    if (failure?.error !== reason && !signal.aborted)
      log.error({ connector: connector.type, error: reason }, 'connecting failed, retrying')
    failure = { ok: false, error: reason }
    fallback ??= await readFallbackId(connector.type, state)
  }

  return {
    /** Opens the session, or returns the open one. Can be retried. @throws {ConnectionError} */
    open,
    /** Like `open`, but returns false and records the failure instead of throwing. */
    tryOpen: async (): Promise<boolean> => {
      try {
        await open()
        return true
      } catch (error) {
        await recordFailure(error)
        return false
      }
    },
    /** Records that the current attempt to open the session takes long, as its failure until it has ended. */
    recordSlowness: async (): Promise<void> => {
      fallback ??= await readFallbackId(connector.type, state)
      if (session === undefined) failure ??= { ok: false, error: `connecting to ${connector.title}: no answer yet` }
    },
    /** Records that the last run ended while it connected, as the failure until this run has connected. */
    recordCrash: (reason: string): void => {
      failure ??= { ok: false, error: `connecting to ${connector.title} ended the agent: ${reason}` }
    },
    current: () => session,
    /** Returns why no session is open, as heartbeats show it. */
    failure: () => failure,
    /** Reads the id under which the agent sends heartbeats until it has connected. */
    fallbackId: async (): Promise<string> => {
      fallback ??= await readFallbackId(connector.type, state)
      return fallback.id
    },
    agentId: () => session?.reporter.agentId ?? fallback?.id ?? provisionalAgentId(connector.type),
    isProvisional: () => session === undefined && fallback?.provisional !== false,
    /** Returns the provisional id under which the agent sent heartbeats before it knew its own. */
    replaces: () => replaces,
    /** Closes the session. Never rejects. */
    close: (timeoutMs: number): Promise<void> => {
      session = undefined
      return settleWithin(connection.close(timeoutMs), timeoutMs)
    },
  }
}

function createReaders<Config, Client>(
  client: Client,
  agentId: string,
  options: SessionOptions<Config, Client>,
): Pick<Session, 'collectors' | 'watchers' | 'cursors' | 'election'> {
  const { redactor, log, state, now, signal, emit, instanceId, onElectionChange } = options
  const connector = options.connector as unknown as Connector<unknown, Client>
  const redact = redactor.text
  const validator = createSignalValidator(connector.signals, redact, now)
  const shared = { connector, client, validator, redact, now, log }
  const collectors = createCollectorRunner({ ...shared, signal })
  const cursors = createCursorStore(state, agentId, log)
  const watchers = createWatcherSupervisor({ ...shared, cursors, emit })
  const { election } = connector
  if (election === undefined) return { collectors, watchers, cursors }
  const runner = createElectionRunner({ ...shared, election, instanceId, onChange: onElectionChange })
  return { collectors, watchers, cursors, election: runner }
}

/** Limits the time of the connector's calls. */
function createKeyStore<Config, Client>(
  connector: Connector<Config, Client>,
  client: Client,
  signal: AbortSignal,
): Pick<Session, 'keyStore'> {
  const store = connector.keyStore?.(client)
  if (store === undefined) return {}
  const limited = <Result>(name: string, run: (own: AbortSignal) => Promise<Result>): Promise<Result> =>
    withTimeout(name, KEY_STORE_TIMEOUT_MS, signal, run)
  return {
    keyStore: {
      read: (key) => limited('reading the key', (own) => store.read(key, own)),
      write: (key, text) => limited('saving the key', (own) => store.write(key, text, own)),
    },
  }
}
