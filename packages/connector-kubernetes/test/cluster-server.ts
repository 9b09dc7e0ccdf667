import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json as readJson } from 'node:stream/consumers'
import { captured } from './fixtures.ts'

/** Plural name, kind and captured objects, by group version. */
const RESOURCES: Readonly<
  Record<string, readonly (readonly [name: string, kind: string, objects: readonly string[]])[]>
> = {
  v1: [
    ['namespaces', 'Namespace', ['namespace']],
    ['nodes', 'Node', ['usage-node']],
    ['resourcequotas', 'ResourceQuota', ['quota']],
    ['limitranges', 'LimitRange', ['limit-range']],
    ['services', 'Service', ['service']],
    ['persistentvolumeclaims', 'PersistentVolumeClaim', ['usage-claim']],
    ['configmaps', 'ConfigMap', []],
    ['secrets', 'Secret', []],
    ['pods', 'Pod', ['usage-pods']],
  ],
  'apps/v1': [
    ['deployments', 'Deployment', ['deployment']],
    ['statefulsets', 'StatefulSet', ['stateful-set']],
    ['daemonsets', 'DaemonSet', ['daemon-set']],
    ['replicasets', 'ReplicaSet', []],
  ],
  'batch/v1': [
    ['jobs', 'Job', ['job']],
    ['cronjobs', 'CronJob', ['cron-job']],
  ],
  'autoscaling/v2beta2': [['horizontalpodautoscalers', 'HorizontalPodAutoscaler', ['autoscaler-v2beta2']]],
  'policy/v1beta1': [['poddisruptionbudgets', 'PodDisruptionBudget', ['disruption-budget']]],
  'discovery.k8s.io/v1beta1': [['endpointslices', 'EndpointSlice', ['endpoint-slice']]],
  'networking.k8s.io/v1': [['ingresses', 'Ingress', ['ingress-v1']]],
  'events.k8s.io/v1': [['events', 'Event', []]],
}

interface ClusterObject {
  readonly metadata: { readonly name: string; readonly uid: string }
}

/** Objects that clients write, by their path. */
type WrittenObjects = Map<string, { readonly metadata: { readonly resourceVersion: string; readonly name?: string } }>

/** An API server on loopback with captured objects, which tests change, and with Leases that agents write. */
export interface ClusterServer {
  readonly url: string
  readonly requests: readonly string[]
  /** Returns the permissions that the requests so far needed, such as `list deployments.apps`, each once. */
  permissions(): readonly string[]
  /** Answers in another way, by the path without a query; `undefined` for the usual answer. */
  answer: (path: string) => ((request: IncomingMessage, response: ServerResponse) => void) | undefined
  /** Adds or changes an object of a resource, such as `pods`. An object without a version gets the next one. */
  put(resource: string, object: object): void
  remove(resource: string, object: object): void
  /** Ends the watches of a resource. */
  breakWatches(resource: string): void
  /** Resolves after the next request for a path that a condition accepts. */
  requested(condition: (path: string) => boolean): Promise<void>
  close(): Promise<void>
}

/** Starts the server. */
export async function clusterServer(): Promise<ClusterServer> {
  const requests: string[] = []
  const permissions = new Set<string>()
  const waiting = new Set<(path: string) => void>()
  const watches = new Map<ServerResponse, string>()
  // The chart creates the Lease: agents may not.
  const lease = { kind: 'Lease', metadata: { name: 'agents', resourceVersion: '1' } }
  const written: WrittenObjects = new Map([['/apis/coordination.k8s.io/v1/namespaces/default/leases/agents', lease]])
  const lists = new Map<string, ClusterObject[]>()
  let version = 1000
  const listOf = (resource: string): ClusterObject[] => {
    const list = lists.get(resource) ?? filesOf(resource).flatMap(objectsIn)
    lists.set(resource, list)
    return list
  }
  const send = (resource: string, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: object): void => {
    for (const [watch, of] of watches) if (of === resource) watch.write(`${JSON.stringify({ type, object })}\n`)
  }
  const change = (resource: string, object: object, isRemoved: boolean): void => {
    version += 1
    const { metadata } = object as ClusterObject
    const changed = { ...object, metadata: { resourceVersion: String(version), ...metadata } }
    const list = listOf(resource)
    const others = list.filter((each) => each.metadata.uid !== metadata.uid)
    lists.set(resource, isRemoved ? others : [...others, changed])
    const isKnown = others.length < list.length
    send(resource, isRemoved ? 'DELETED' : isKnown ? 'MODIFIED' : 'ADDED', changed)
  }
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://cluster')
    requests.push(request.url ?? '')
    const permission = permissionOf(request)
    if (permission !== undefined) permissions.add(permission)
    for (const take of waiting) take(pathname)
    const given = cluster.answer(pathname)
    if (given !== undefined) given(request, response)
    else if (pathname.endsWith('/log')) response.end('all is lost\n')
    else if (pathname.includes('/leases')) void answerToWriter(request, response, pathname, written)
    else if (searchParams.has('watch')) {
      const resource = pathname.split('/').at(-1) ?? ''
      response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
      watches.set(response, resource)
      response.on('close', () => watches.delete(response))
    } else {
      const found = answerTo(pathname, listOf, version)
      if (found === undefined) refuse(response, 404, 'NotFound')
      else json(response, 200, found)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cluster: ClusterServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    permissions: () => [...permissions],
    answer: () => undefined,
    put: (resource, object) => change(resource, object, false),
    remove: (resource, object) => change(resource, object, true),
    breakWatches: (resource) => {
      for (const [watch, of] of watches) if (of === resource) watch.destroy()
    },
    requested: (condition) =>
      new Promise((resolve) => {
        const take = (path: string): void => {
          if (!condition(path)) return
          waiting.delete(take)
          resolve()
        }
        waiting.add(take)
      }),
    close: async () => {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
  return cluster
}

/** Path of a resource: its group, its plural name, and the name and subresource of an object. */
const RESOURCE_PATH =
  /^\/(?:api|apis\/(?<group>[^/]+))\/[^/]+\/(?:namespaces\/[^/]+\/(?!$))?(?<resource>[^/]+)(?:\/(?<name>[^/]+)(?:\/(?<subresource>[^/]+))?)?/

const VERBS: Readonly<Record<string, string>> = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }

/** Returns the permission that a request needs. Discovery needs none: every account may do that. */
function permissionOf({ method = '', url = '' }: IncomingMessage): string | undefined {
  const { pathname, searchParams } = new URL(url, 'http://cluster')
  const { group, resource, name, subresource } = RESOURCE_PATH.exec(pathname)?.groups ?? {}
  if (resource === undefined) return undefined
  const reading = searchParams.has('watch') ? 'watch' : name === undefined ? 'list' : 'get'
  const part = subresource === undefined ? '' : `/${subresource}`
  return `${VERBS[method] ?? reading} ${resource}${group === undefined ? '' : `.${group}`}${part}`
}

/** Replaces or returns an object. Refuses to replace another version. */
async function answerToWriter(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  written: WrittenObjects,
): Promise<void> {
  if (request.method === 'GET') {
    const found = written.get(path)
    return found === undefined ? refuse(response, 404, 'NotFound') : json(response, 200, found)
  }
  const given = (await readJson(request)) as { readonly metadata: { resourceVersion?: string } }
  const before = written.get(path)
  if (before?.metadata.resourceVersion !== given.metadata.resourceVersion) return refuse(response, 409, 'Conflict')
  const resourceVersion = String(Number(before?.metadata.resourceVersion) + 1)
  const object = { ...given, metadata: { ...given.metadata, resourceVersion } }
  written.set(path, object)
  return json(response, 200, object)
}

function refuse(response: ServerResponse, code: number, reason: string): void {
  json(response, code, { kind: 'Status', status: 'Failure', reason, code })
}

function answerTo(
  path: string,
  listOf: (resource: string) => readonly ClusterObject[],
  version: number,
): object | undefined {
  if (path === '/api/v1/namespaces/kube-system')
    return { kind: 'Namespace', metadata: { name: 'kube-system', uid: 'cluster-of-a-test' } }
  if (path.endsWith('/proxy/stats/summary')) return captured('stats-summary')
  for (const [groupVersion, resources] of Object.entries(RESOURCES)) {
    const root = groupVersion.includes('/') ? `/apis/${groupVersion}` : `/api/${groupVersion}`
    if (path === root)
      return {
        kind: 'APIResourceList',
        groupVersion,
        resources: resources.map(([name, kind]) => ({
          name,
          kind,
          namespaced: kind !== 'Namespace' && kind !== 'Node',
          verbs: ['get', 'list', 'watch'],
        })),
      }
    const [name, kind] = resources.find(([each]) => path === `${root}/${each}`) ?? []
    const [, resource, object] = /\/namespaces\/[^/]+\/([^/]+)\/([^/]+)$/.exec(path) ?? []
    if (path.startsWith(`${root}/`) && resources.some(([each]) => each === resource))
      return listOf(resource ?? '').find(({ metadata }) => metadata.name === object)
    if (name === undefined) continue
    return { kind: `${kind}List`, metadata: { resourceVersion: String(version) }, items: listOf(name) }
  }
  return undefined
}

function filesOf(resource: string): readonly string[] {
  return Object.values(RESOURCES).flatMap((all) => all.find(([name]) => name === resource)?.[2] ?? [])
}

/** Returns a captured object, or the items of a captured list. */
function objectsIn(file: string): readonly ClusterObject[] {
  const found = captured(file)
  return (Array.isArray(found.items) ? found.items : [found]) as readonly ClusterObject[]
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
