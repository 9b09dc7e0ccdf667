import type { IncomingMessage } from 'node:http'
import { yieldToEventLoop } from '@rca/core/connector'
import { isExpired } from './errors.ts'
import { createItemReader } from './json-items.ts'
import type { ApiResource, ListOptions } from './kubernetes-api.ts'
import { parseWithoutManagers } from './managed-fields.ts'
import { collectionPath } from './paths.ts'
import { acceptOf, ask, reading } from './request.ts'
import type { Transport } from './transport.ts'

/** Objects in a page. */
const PAGE = 500

/** How often a list that expires begins again before it is given up. */
const RESTARTS = 3

/** Lists page by page, and hands over objects as they arrive. Returns the version from which a watch goes on. @throws KubernetesError when the server refuses, or forgets its pages again and again */
export async function listAll(
  transport: Transport,
  resource: ApiResource,
  options: ListOptions,
  signal: AbortSignal,
): Promise<string> {
  const question = ask(transport, 'list', { ...resource, namespace: options.namespace })
  let from: string | undefined
  for (let restarts = 0; ; ) {
    const query = { limit: String(options.limit ?? PAGE), continue: from }
    const path = collectionPath(resource, options, query)
    try {
      const page = await reading(question, signal, async () =>
        readPage(
          await transport.ask({ question, path, signal, accept: acceptOf(resource, 'List') }),
          resource,
          options,
        ),
      )
      if (page.continue === undefined) return page.resourceVersion
      from = page.continue
    } catch (error) {
      // Compacted between two pages.
      if (!isExpired(error) || from === undefined || restarts === RESTARTS) throw error
      restarts += 1
      from = undefined
      options.onRestart?.()
    }
  }
}

async function readPage(answer: IncomingMessage, { verbs }: ApiResource, { onItems, withManagers }: ListOptions) {
  const reader = createItemReader(withManagers === true ? JSON.parse : parseWithoutManagers)
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    // At the start many lists arrive at once: without turns of their own, everything else would wait for all that is there.
    await yieldToEventLoop()
    const items = reader.read(chunk)
    if (items.length > 0) onItems(items)
  }
  const end = reader.end()
  const metadata = end.metadata as { resourceVersion?: unknown; continue?: unknown } | undefined
  // What cannot be watched, such as metrics, may have no version.
  const { resourceVersion = verbs.includes('watch') ? undefined : '', continue: next } = metadata ?? {}
  if (metadata === undefined || typeof resourceVersion !== 'string') throw new Error('the answer is no list')
  if (end.items.length > 0) onItems(end.items)
  return { resourceVersion, continue: typeof next === 'string' && next !== '' ? next : undefined }
}
