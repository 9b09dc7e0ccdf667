import type { IncomingMessage } from 'node:http'
import { createTimeSlice } from '@rca/core/connector'
import { explained, isExpired } from './errors.ts'
import { createItemReader } from './json-array.ts'
import type { ApiResource, ListOptions } from './kubernetes-api.ts'
import { parseWithoutManagers } from './managed-fields.ts'
import { collectionPath } from './paths.ts'
import { acceptHeader, requestInfo } from './request.ts'
import type { Transport } from './transport.ts'

const DEFAULT_PAGE_SIZE = 500

/** How often a list that expires starts from scratch before it fails. */
const MAX_RESTARTS = 3

/**
 * Lists page by page, and passes on objects as they arrive. Returns the `resourceVersion` from which a watch continues.
 *
 * @throws KubernetesError when the server refuses, or when pages expire repeatedly
 */
export async function listResource(
  transport: Transport,
  resource: ApiResource,
  options: ListOptions,
  signal: AbortSignal,
): Promise<string> {
  const request = requestInfo(transport, 'list', { ...resource, namespace: options.namespace })
  let from: string | undefined
  for (let restarts = 0; ; ) {
    const query = { limit: String(options.limit ?? DEFAULT_PAGE_SIZE), continue: from }
    const path = collectionPath(resource, options.namespace, query)
    try {
      const page = await explained(request, signal, async () => {
        const answer = await transport.send({ request, path, signal, accept: acceptHeader(resource, 'List') })
        return readPage(answer, resource, options)
      })
      if (page.continue === undefined) return page.resourceVersion
      from = page.continue
    } catch (error) {
      // etcd was compacted between two pages.
      if (!isExpired(error) || from === undefined || restarts === MAX_RESTARTS) throw error
      restarts += 1
      from = undefined
      options.onRestart?.()
    }
  }
}

async function readPage(answer: IncomingMessage, { verbs }: ApiResource, { onItems, withManagers }: ListOptions) {
  const reader = createItemReader(withManagers === true ? JSON.parse : parseWithoutManagers)
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    // Many lists arrive at once at the start: without a yield per chunk they would block everything else.
    await createTimeSlice().next()
    const items = reader.read(chunk)
    if (items.length > 0) onItems(items)
  }
  const end = reader.end()
  const metadata = end.metadata as { resourceVersion?: unknown; continue?: unknown } | undefined
  // A kind that cannot be watched, such as metrics, may have no version.
  const { resourceVersion = verbs.includes('watch') ? undefined : '', continue: next } = metadata ?? {}
  if (metadata === undefined || typeof resourceVersion !== 'string') throw new Error('the answer is not a list')
  if (end.items.length > 0) onItems(end.items)
  return { resourceVersion, continue: typeof next === 'string' && next !== '' ? next : undefined }
}
