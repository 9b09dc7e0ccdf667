import type { IncomingMessage } from 'node:http'
import { ownTurn } from '@rca/core'
import type { Access } from './access.ts'
import { discover } from './discovery.ts'
import { explainAbort, explainFailure, type Question } from './explain-failure.ts'
import { createItemReader } from './json-items.ts'
import type { ApiResource, KubernetesApi, ListOptions, WatchEvent, WatchOptions } from './kubernetes-api.ts'
import { isExpired, KubernetesError } from './kubernetes-error.ts'
import { parseWithoutManagers } from './parse-object.ts'
import { collectionPath, groupVersionPath, objectPath } from './paths.ts'
import { readBody, readStart } from './read-body.ts'
import { createTransport, type Transport } from './transport.ts'
import { followWatch, readWatch } from './watch-stream.ts'

/** Objects in a page. */
const PAGE = 500

/** How often a list that expires begins again before it is given up. */
const RESTARTS = 3

/** Longest answer that is read as a whole, in bytes: a kubelet's summary of some hundred pods is below one MiB. */
const LONGEST = 32 * 1024 * 1024

/** How long a watch may be silent, in milliseconds: one bookmark a minute, and half of one to be late. */
const SILENCE = 90_000

/** How long the server is asked to keep a watch open, in seconds: then it moves to another server, where there are several. */
const LIFETIME = { from: 300, to: 600 }

/** The same where no bookmarks come: it ends before its silence is taken for that of a connection that was cut. */
const SILENT_LIFETIME = { from: 40, to: 70 }

const LEASES = { group: 'coordination.k8s.io', version: 'v1', resource: 'leases' }

/** What of the transport can be set, for tests. */
export interface ApiOptions {
  /** Milliseconds that the server may be silent before its answer and within it. @default 30_000 */
  readonly patience?: number
}

/** Opens nothing yet: the server is first spoken to when something is asked. */
export function openApi(access: Access, { patience }: ApiOptions = {}): KubernetesApi {
  const transport = createTransport(access, patience)
  const write = createWriting(transport)
  return {
    address: transport.address,
    namespace: access.namespace,
    discover: (wanted, signal) =>
      discover(wanted, (groupVersion) => {
        const path = groupVersionPath(groupVersion)
        const question = { ...ask(transport, 'get', { group: groupVersion.group, resource: 'its description' }), path }
        return unlessMissing(readJson(transport, question, path, signal))
      }),
    list: (resource, options, signal) => listAll(transport, resource, options, signal),
    watch: (resource, options, signal) => watchAll(transport, resource, options, signal),
    get: (resource, path, signal, parse) => {
      const name = [resource.resource, path.subresource?.split('/')[0]].filter((part) => part !== undefined).join('/')
      // Who may read what is in a namespace may be allowed to read the namespace itself by a Role in it.
      const namespace = isNamespace(resource) ? path.name : path.namespace
      const question = ask(transport, 'get', { ...resource, resource: name, namespace })
      return unlessMissing(
        readJson(transport, question, objectPath(resource, path), signal, { accept: acceptOf(resource), parse }),
      )
    },
    text: ({ namespace, pod, container, previous, lines, limitBytes }, signal) => {
      const question = ask(transport, 'get', { group: '', resource: 'pods/log', namespace })
      const path = objectPath(
        { group: '', version: 'v1', resource: 'pods' },
        { namespace, name: pod, subresource: 'log' },
        {
          container,
          previous: previous === true ? 'true' : undefined,
          tailLines: lines?.toString(),
          limitBytes: limitBytes.toString(),
        },
      )
      return unlessMissing(
        reading(question, signal, async () =>
          readStart(await transport.ask({ question, path, signal, accept: '*/*' }), limitBytes),
        ),
        // Answered with 400 while the container has not started, and where there was no run before this one.
        [400, 404],
      )
    },
    create: (namespace, lease, signal) => write('create', { namespace }, lease, signal),
    replace: (namespace, name, lease, signal) => write('update', { namespace, name }, lease, signal),
    close: transport.close,
  }
}

function isNamespace({ group, resource }: Pick<ApiResource, 'group' | 'resource'>): boolean {
  return group === '' && resource === 'namespaces'
}

/** Leases are all that is ever written. */
function createWriting(transport: Transport) {
  return async (
    verb: 'create' | 'update',
    { namespace, name }: { readonly namespace: string; readonly name?: string },
    body: object,
    signal: AbortSignal,
  ): Promise<unknown> => {
    const question = ask(transport, verb, { ...LEASES, namespace })
    const path =
      name === undefined
        ? `${groupVersionPath(LEASES)}/namespaces/${encodeURIComponent(namespace)}/leases`
        : objectPath(LEASES, { namespace, name })
    return reading(question, signal, async () => {
      const method = verb === 'create' ? 'POST' : 'PUT'
      return parseBody(await readBody(await transport.ask({ question, path, method, body, signal }), LONGEST))
    })
  }
}

async function listAll(
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
    await ownTurn()
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

async function* watchAll(
  transport: Transport,
  resource: ApiResource,
  options: WatchOptions,
  signal: AbortSignal,
): AsyncIterable<WatchEvent> {
  const question = ask(transport, 'watch', { ...resource, namespace: options.namespace })
  const { from, to } = resource.hasNoBookmarks === true ? SILENT_LIFETIME : LIFETIME
  const path = collectionPath(resource, options, {
    watch: 'true',
    resourceVersion: options.resourceVersion,
    allowWatchBookmarks: String(options.allowWatchBookmarks ?? true),
    timeoutSeconds: String(Math.round(from + Math.random() * (to - from))),
  })
  try {
    const answer = await transport.ask({ question, path, signal, accept: acceptOf(resource), isWatch: true })
    options.onOpen?.()
    const reading = {
      silence: options.silence ?? SILENCE,
      parse: options.withManagers === true ? JSON.parse : parseWithoutManagers,
    }
    const { onEvent } = options
    if (onEvent === undefined) yield* readWatch(answer, question, reading)
    else {
      // Whoever is told may be the one who stops it.
      const tell = (event: WatchEvent): void => (signal.aborted ? undefined : onEvent(event))
      await followWatch(answer, question, { ...reading, onEvent: tell })
    }
  } catch (error) {
    throw signal.aborted ? explainAbort(question, signal) : explainFailure(question, error)
  }
}

/** Where only metadata is wanted nothing else is accepted: a server that cannot do that must not send a Secret's data instead. */
function acceptOf({ isMetadataOnly }: ApiResource, list = ''): string | undefined {
  if (isMetadataOnly !== true) return undefined
  return `application/json;as=PartialObjectMetadata${list};g=meta.k8s.io;v=v1`
}

function ask(
  { address }: Transport,
  verb: string,
  { group, resource, namespace }: { group: string; resource: string; namespace?: string | undefined },
): Question {
  return { address, verb, group, resource, namespace }
}

interface ReadOptions {
  readonly accept?: string | undefined
  readonly parse?: ((body: Buffer) => unknown) | undefined
}

function parseBody(body: Buffer): unknown {
  return JSON.parse(body.toString())
}

function readJson(
  transport: Transport,
  question: Question,
  path: string,
  signal: AbortSignal,
  { accept, parse = parseBody }: ReadOptions = {},
): Promise<unknown> {
  return reading(question, signal, async () =>
    parse(await readBody(await transport.ask({ question, path, signal, accept }), LONGEST)),
  )
}

/** Explains also what happens after an answer has begun. */
async function reading<Answer>(question: Question, signal: AbortSignal, read: () => Promise<Answer>): Promise<Answer> {
  try {
    return await read()
  } catch (error) {
    throw signal.aborted ? explainAbort(question, signal) : explainFailure(question, error)
  }
}

async function unlessMissing<Answer>(
  answer: Promise<Answer>,
  missing: readonly number[] = [404],
): Promise<Answer | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof KubernetesError && error.status !== undefined && missing.includes(error.status))
      return undefined
    throw error
  }
}
