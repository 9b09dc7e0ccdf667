import type { Connector, Identity } from '../connector/connector.ts'
import type { SignalCatalog } from '../connector/signal-catalog.ts'
import { ConnectorError } from '../errors/connector-error.ts'
import { reasonOf } from '../errors/error-reason.ts'
import type { KeyedHash } from '../keyed-hash.ts'
import type { Logger } from '../logger.ts'
import { withTimeout } from '../timers.ts'
import { nameProblem, referenceProblem } from './validate/rules.ts'

/** How long opening the client and finding out the identity may take, in milliseconds. */
const DEADLINE = 15_000

/** An open client and whom it watches. */
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

/** A connector's client, opened when it is first needed. */
export interface Connection<Client> {
  /** Opens the client, or returns the open one. A failed attempt is forgotten: the next call tries again. */
  open(signal?: AbortSignal): Promise<OpenConnection<Client>>
  /** Closes the client if it is open, within so many milliseconds. Idempotent, and never rejects. */
  close(milliseconds: number): Promise<void>
}

/** A connection that is not open yet. */
export function createConnection<Config, Client>({
  connector,
  config,
  log,
  now,
  openKeyedHash,
}: ConnectionOptions<Config, Client>): Connection<Client> {
  let opening: Promise<OpenConnection<Client>> | undefined

  const disconnect = async (client: Client, milliseconds: number): Promise<void> => {
    try {
      await withTimeout('closing the client', milliseconds, undefined, async () => connector.disconnect(client))
    } catch (error) {
      log.warn({ error: reasonOf(error) }, 'the client could not be closed')
    }
  }

  const attempt = (parent: AbortSignal | undefined): Promise<OpenConnection<Client>> =>
    withTimeout(`connecting to ${connector.title}`, DEADLINE, parent, async (signal) => {
      const client = await connector.connect({ config, signal, log, keyedHash: await openKeyedHash() })
      try {
        // Its own deadline, so that a client whose identity hangs is closed and not left behind.
        const identity = await withTimeout('identifying what is watched', DEADLINE, signal, async (own) =>
          connector.identify(client, { signal: own, now }),
        )
        return { client, identity: checked(identity, connector) }
      } catch (error) {
        await disconnect(client, DEADLINE)
        throw error
      }
    })

  return {
    open: (signal) => {
      if (opening === undefined) {
        const attempted = attempt(signal)
        opening = attempted
        attempted.catch(() => {
          if (opening === attempted) opening = undefined
        })
      }
      return opening
    },
    close: async (milliseconds) => {
      const opened = await opening?.catch(() => undefined)
      opening = undefined
      if (opened !== undefined) await disconnect(opened.client, milliseconds)
    },
  }
}

/** Everything that the agent says hangs on who it is: a wrong identity is an error here and not a report that the platform refuses. */
function checked(identity: Identity, { type, signals }: Pick<Connector, 'type' | 'signals'>): Identity {
  const given: Partial<Identity> = identity ?? {}
  const problem =
    typeof given.id !== 'string' || given.id === ''
      ? 'has an `id` that is empty or no text'
      : (nameProblem(given.name) ?? referenceProblem(given.entity) ?? undeclared(given.entity, signals))
  if (problem !== undefined) throw new ConnectorError(`\`${type}\``, `what its \`identify\` returned ${problem}.`)
  return identity
}

/** An agent that observes what nobody describes would hang in the air. */
function undeclared(entity: Identity['entity'] | undefined, signals: SignalCatalog): string | undefined {
  const isDeclared = Object.values(signals).some((entry) => entry.signal === 'entity' && entry.type === entity?.type)
  return isDeclared
    ? undefined
    : `points at an entity of type \`${entity?.type}\`, which is not declared in \`signals\``
}
