import type { Access } from './access.ts'
import { discover } from './discovery.ts'
import { explained } from './errors.ts'
import type { KubernetesApi } from './kubernetes-api.ts'
import { listResource } from './list.ts'
import { collectionPath, groupVersionPath, objectPath } from './paths.ts'
import { acceptHeader, readJson, requestInfo, unlessMissing } from './request.ts'
import { createTransport, readStart } from './transport.ts'
import { watchResource } from './watch.ts'

const LEASES = { group: 'coordination.k8s.io', version: 'v1', resource: 'leases' }

/** Opens no connection before the first request. @param silenceMs how long the server may be silent. @default 30_000 */
export function createApiClient(access: Access, silenceMs?: number): KubernetesApi {
  const transport = createTransport(access, silenceMs)
  return {
    address: transport.address,
    namespace: access.namespace,
    discover: (wanted, signal) =>
      discover(wanted, (groupVersion) => {
        const path = groupVersionPath(groupVersion)
        const request = { ...requestInfo(transport, 'get', { group: groupVersion.group, resource: path }), path }
        return unlessMissing(readJson(transport, request, path, signal))
      }),
    list: (resource, options, signal) => listResource(transport, resource, options, signal),
    watch: (resource, options, signal) => watchResource(transport, resource, options, signal),
    get: (resource, path, signal, parse) => {
      const name = [resource.resource, path.subresource?.split('/')[0]].filter((part) => part !== undefined).join('/')
      // A Role in a namespace may allow reading the namespace itself.
      const isNamespace = resource.group === '' && resource.resource === 'namespaces'
      const namespace = isNamespace ? path.name : path.namespace
      const request = requestInfo(transport, 'get', { ...resource, resource: name, namespace })
      return unlessMissing(
        readJson(transport, request, objectPath(resource, path), signal, { accept: acceptHeader(resource), parse }),
      )
    },
    text: ({ namespace, pod, container, previous, lines, limitBytes }, signal) => {
      const request = requestInfo(transport, 'get', { group: '', resource: 'pods/log', namespace })
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
        explained(request, signal, async () =>
          readStart(await transport.send({ request, path, signal, accept: '*/*' }), limitBytes),
        ),
        // 400: the container has not started, or has no previous run.
        [400, 404],
      )
    },
    create: (namespace, lease, signal) => {
      const request = requestInfo(transport, 'create', { ...LEASES, namespace })
      return readJson(transport, request, collectionPath(LEASES, namespace), signal, { method: 'POST', body: lease })
    },
    replace: (resource, { namespace, name }, body, signal) => {
      const request = requestInfo(transport, 'update', { ...resource, namespace })
      return readJson(transport, request, objectPath(resource, { namespace, name }), signal, { method: 'PUT', body })
    },
    close: transport.close,
  }
}
