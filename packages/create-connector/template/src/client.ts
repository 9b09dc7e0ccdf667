import { z } from 'zod'

// Only the fields that are read: an answer may have more.
const itemsSchema = z.object({
  service: z.string().min(1),
  items: z.array(z.object({ name: z.string().min(1), load: z.number() })),
})

const changesSchema = z.object({
  changes: z.array(
    z.object({ number: z.int().nonnegative(), at: z.coerce.date(), item: z.string().min(1), text: z.string() }),
  ),
})

/** One thing that the service holds. */
export type Item = z.output<typeof itemsSchema>['items'][number]

/** One change of an item. Numbers rise. */
export type Change = z.output<typeof changesSchema>['changes'][number]

/** The only place that knows the service's protocol. */
export interface Client {
  /** Id of the service: the same for every agent that watches it. */
  readonly id: string
  listItems(signal: AbortSignal): Promise<readonly Item[]>
  /** Changes with a greater number, oldest first. */
  listChanges(after: number, signal: AbortSignal): Promise<readonly Change[]>
}

/** Options of `openClient`. */
export interface ClientOptions {
  readonly url: string
  readonly token: string | undefined
}

/** Opens a client and reads once, so that `connect` fails while the service does not answer. */
export async function openClient(options: ClientOptions, signal: AbortSignal): Promise<Client> {
  const readItems = async (abort: AbortSignal) => itemsSchema.parse(await read(options, '/items', abort))
  const { service } = await readItems(signal)
  return {
    id: service,
    listItems: async (abort) => (await readItems(abort)).items,
    listChanges: async (after, abort) =>
      changesSchema.parse(await read(options, `/changes?after=${after}`, abort)).changes,
  }
}

async function read({ url, token }: ClientOptions, path: string, signal: AbortSignal): Promise<unknown> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const response = await fetch(new URL(path, url), { headers, signal })
  // Says what failed, where, and what to do; it never holds the token.
  if (response.status === 401 || response.status === 403)
    throw new Error(`GET ${path} was refused with ${response.status}: check \`acme_queues_token\``)
  if (!response.ok) throw new Error(`GET ${path} was answered with ${response.status}`)
  return response.json()
}
