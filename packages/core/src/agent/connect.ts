import type { Connector, Identity } from '../connector/connector.ts'
import { FEATURES } from '../connector/define-connector.ts'
import type { SignalCatalog } from '../connector/signal-catalog.ts'
import { ConnectorError } from '../errors/connector-error.ts'
import { reasonOf } from '../errors/error-reason.ts'
import type { KeyedHash } from '../keyed-hash.ts'
import type { Logger } from '../logger.ts'
import { withTimeout } from '../timers.ts'
import { nameProblem, referenceProblem } from './validate/rules.ts'

/** Timeout of connecting, of identifying and of closing a client whose identity could not be read. */
const CONNECT_TIMEOUT_MS = 15_000

export interface OpenConnection<Client> {
  readonly client: Client
  readonly identity: Identity
}

export interface ConnectionOptions<Config, Client> {
  readonly connector: Connector<Config, Client>
  readonly config: Config
  readonly log: Logger
  readonly now: () => Date
  /** Reads the key of keyed hashes. Never rejects. */
  readonly openKeyedHash: () => Promise<KeyedHash>
}

/** Creates a connection that opens the connector's client on first use. */
export function createConnection<Config, Client>({
  connector,
  config,
  log,
  now,
  openKeyedHash,
}: ConnectionOptions<Config, Client>) {
  let connecting: Promise<OpenConnection<Client>> | undefined

  const disconnect = async (client: Client, timeoutMs: number): Promise<void> => {
    try {
      await withTimeout('closing the client', timeoutMs, undefined, async () => connector.disconnect?.(client))
    } catch (error) {
      log.warn({ error: reasonOf(error) }, 'client not closed')
    }
  }

  const connect = (parent: AbortSignal | undefined): Promise<OpenConnection<Client>> =>
    withTimeout(`connecting to ${connector.title}`, CONNECT_TIMEOUT_MS, parent, async (signal) => {
      const client = await connector.connect({
        config,
        signal,
        log,
        features: FEATURES,
        keyedHash: await openKeyedHash(),
      })
      try {
        // A timeout of its own: a client whose `identify` hangs is closed.
        const identity = await withTimeout('identifying what is watched', CONNECT_TIMEOUT_MS, signal, async (own) =>
          connector.identify(client, { signal: own, now }),
        )
        return { client, identity: validIdentity(identity, connector) }
      } catch (error) {
        await disconnect(client, CONNECT_TIMEOUT_MS)
        throw error
      }
    })

  return {
    /** Opens the client, or returns the open one. After a failure, the next call tries again. */
    open: (signal?: AbortSignal): Promise<OpenConnection<Client>> => {
      if (connecting === undefined) {
        const attempt = connect(signal)
        connecting = attempt
        attempt.catch(() => {
          if (connecting === attempt) connecting = undefined
        })
      }
      return connecting
    },
    /** Closes the client if it is open. Idempotent; never rejects. */
    close: async (timeoutMs: number): Promise<void> => {
      const connection = await connecting?.catch(() => undefined)
      connecting = undefined
      if (connection !== undefined) await disconnect(connection.client, timeoutMs)
    },
  }
}

/** Validates an identity: the platform would refuse every report with a wrong one. */
function validIdentity(identity: Identity, { type, signals }: Pick<Connector, 'type' | 'signals'>): Identity {
  const given: Partial<Identity> = identity ?? {}
  const problem =
    typeof given.id !== 'string' || given.id === ''
      ? 'has an `id` that is empty or not a string'
      : (nameProblem(given.name) ?? referenceProblem(given.entity) ?? undeclared(given.entity, signals))
  if (problem !== undefined) throw new ConnectorError(`\`${type}\``, `the result of its \`identify\` ${problem}.`)
  return identity
}

function undeclared(entity: Identity['entity'] | undefined, signals: SignalCatalog): string | undefined {
  const isDeclared = Object.values(signals).some((entry) => entry.signal === 'entity' && entry.type === entity?.type)
  return isDeclared
    ? undefined
    : `references an entity of type \`${entity?.type}\`, which is not declared in \`signals\``
}
