import type { Connector, Identity } from '../connector.ts'
import type { Logger } from '../logger.ts'
import { withDeadline } from './deadline.ts'

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
}

/** A connector's client, opened when it is first needed. */
export interface Connection<Client> {
  /** Opens the client, or returns the open one. A failed attempt is forgotten: the next call tries again. */
  open(signal?: AbortSignal): Promise<OpenConnection<Client>>
  /** Closes the client if it is open. Idempotent. */
  close(): Promise<void>
}

/** A connection that is not open yet. */
export function createConnection<Config, Client>({
  connector,
  config,
  log,
  now,
}: ConnectionOptions<Config, Client>): Connection<Client> {
  let opening: Promise<OpenConnection<Client>> | undefined

  const disconnect = async (client: Client): Promise<void> => {
    try {
      await withDeadline('closing the client', DEADLINE, undefined, () => connector.disconnect(client))
    } catch (error) {
      log.warn({ error: error instanceof Error ? error.message : String(error) }, 'the client could not be closed')
    }
  }

  const attempt = (parent: AbortSignal | undefined): Promise<OpenConnection<Client>> =>
    withDeadline(`connecting to ${connector.title}`, DEADLINE, parent, async (signal) => {
      const client = await connector.connect({ config, signal, log })
      try {
        signal.throwIfAborted()
        return { client, identity: await connector.identify(client, { signal, now, remember: () => undefined }) }
      } catch (error) {
        await disconnect(client)
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
    close: async () => {
      const opened = await opening?.catch(() => undefined)
      opening = undefined
      if (opened !== undefined) await disconnect(opened.client)
    },
  }
}
