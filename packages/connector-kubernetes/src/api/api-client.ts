import type { Access } from './access.ts'
import { discover } from './discovery.ts'
import { explainAbort, explainFailure } from './explain-failure.ts'
import type { ApiResource, KubernetesApi, WatchEvent, WatchOptions } from './kubernetes-api.ts'
import { listAll } from './list.ts'
import { parseWithoutManagers } from './managed-fields.ts'
import { collectionPath, groupVersionPath, objectPath } from './paths.ts'
import { readStart } from './read-body.ts'
import { acceptOf, ask, reading, readJson, unlessMissing } from './request.ts'
import { createTransport, type Transport } from './transport.ts'
import { followWatch, readWatch } from './watch.ts'

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
    return readJson(transport, question, path, signal, { method: verb === 'create' ? 'POST' : 'PUT', body })
  }
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
    const howToRead = {
      silence: options.silence ?? SILENCE,
      parse: options.withManagers === true ? JSON.parse : parseWithoutManagers,
    }
    const { onEvent } = options
    if (onEvent === undefined) yield* readWatch(answer, question, howToRead)
    else {
      // Whoever is told may be the one who stops it.
      const tell = (event: WatchEvent): void => (signal.aborted ? undefined : onEvent(event))
      await followWatch(answer, question, { ...howToRead, onEvent: tell })
    }
  } catch (error) {
    throw signal.aborted ? explainAbort(question, signal) : explainFailure(question, error)
  }
}
