import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Path, withChange } from '../../../test/changed-object.ts'
import { captured } from '../../../test/fixtures.ts'
import { followedCluster } from '../../../test/followed-cluster.ts'
import { watchDeclared } from '../../../test/watch-declared.ts'
import { serviceAvailability } from './service-availability.ts'
import { serviceChanges } from './service-changes.ts'

const service = captured('service')
const ingress = captured('ingress-v1')
const slice = captured('endpoint-slice')
const now = new Date('2026-11-25T02:00:00Z')

function scene(watcher = serviceChanges, namespace: object = captured('namespace')) {
  const cluster = followedCluster()
  cluster.put('namespaces', namespace)
  cluster.put('services', service)
  cluster.put('ingresses', ingress)
  cluster.put('endpointSlices', slice)
  cluster.listed()
  return { cluster, ...watchDeclared(cluster, watcher, () => now) }
}

beforeEach(() => {
  vi.useFakeTimers({ now })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a Service', () => {
  const change = (...changes: readonly (readonly [Path, unknown])[]): object =>
    changes.reduce((object, [path, value]) => withChange(object, path, value), service)

  test('is reported when its type, selector or ports change, with only the names of unwanted labels', () => {
    const { cluster, events } = scene()
    cluster.put('services', change([['status', 'loadBalancer'], { ingress: [{ ip: '10.0.0.9' }] }]))
    cluster.put(
      'services',
      change(
        [['spec', 'type'], 'NodePort'],
        [['spec', 'selector'], { app: 'shop', team: 'canary' }],
        [['spec', 'ports', 0, 'targetPort'], 'http'],
        [['spec', 'ports', 0, 'nodePort'], 30_080],
      ),
    )
    expect(events).toMatchObject([
      {
        name: 'k8s.service.changed',
        severity: 'warning',
        entity: { type: 'k8s.service', id: 'scene/web' },
        body: 'Service scene/web was changed by kubectl-client-side-apply: type: ClusterIP → NodePort; selector app: web → shop; selector team: added; port http 80/TCP → 8080 removed; port http 80/TCP → http, node 30080 added',
        attributes: { 'change.fields': ['settings', 'selector', 'ports'] },
      },
    ])
    expect(events).toHaveLength(1)
    expect(JSON.stringify(events)).not.toContain('canary')
  })

  test('is reported when it is created and deleted', () => {
    const { cluster, events } = scene()
    cluster.put('services', { metadata: { name: 'new', uid: 'n', namespace: 'scene' } })
    cluster.remove('services', service)
    vi.advanceTimersByTime(1_000)
    expect(events.map(({ name, body }) => [name, body])).toEqual([
      ['k8s.service.created', 'Service scene/new was created'],
      ['k8s.service.deleted', 'Service scene/web was deleted'],
    ])
  })
})

test('a Service or an Ingress is reported as replaced if another one takes its place at once', () => {
  const { cluster, events } = scene()
  for (const [kind, object] of [
    ['services', service],
    ['ingresses', ingress],
  ] as const) {
    cluster.remove(kind, object)
    cluster.put(kind, withChange(object, ['metadata', 'uid'], `new-${kind}`))
  }
  const other = withChange(withChange(service, ['metadata', 'uid'], 'third'), ['spec', 'type'], 'NodePort')
  cluster.remove('services', withChange(service, ['metadata', 'uid'], 'new-services'))
  cluster.put('services', other)
  vi.advanceTimersByTime(60_000)
  expect(events.map(({ name, body }) => [name, body.replace(/ by [\w-]+/, '')])).toEqual([
    ['k8s.service.changed', 'Service scene/web was deleted and replaced'],
    ['k8s.ingress.changed', 'Ingress scene/shop was deleted and replaced'],
    ['k8s.service.changed', 'Service scene/web was deleted and replaced: type: ClusterIP → NodePort'],
  ])
})

describe('an Ingress', () => {
  const change = (path: Path, value: unknown): object =>
    withChange(withChange(ingress, path, value), ['metadata', 'generation'], 2)

  test('is reported when its routes change', () => {
    const { cluster, events } = scene()
    cluster.put('ingresses', withChange(ingress, ['metadata', 'labels'], { team: 'shop' }))
    cluster.put('ingresses', change(['spec', 'rules', 0, 'http', 'paths', 0, 'path'], '/shop'))
    cluster.put('ingresses', withChange(change(['spec', 'tls'], [{ secretName: 'a' }]), ['metadata', 'generation'], 3))
    expect(events).toMatchObject([
      {
        name: 'k8s.ingress.changed',
        attributes: {
          'change.fields': ['routes'],
          'change.routes.added': ['shop.example.test/shop → web:http'],
          'change.routes.removed': ['shop.example.test/ → web:http'],
        },
      },
      { attributes: { 'change.fields': ['routes'] } },
    ])
    cluster.put('ingresses', withChange(change(['spec', 'tls'], [{ secretName: 'b' }]), ['metadata', 'generation'], 4))
    expect(events.at(-1)).toMatchObject({ attributes: { 'change.fields': ['other'] } })
  })

  test('is reported when it is created and deleted', () => {
    const { cluster, events } = scene()
    cluster.put('ingresses', { metadata: { name: 'new', uid: 'n', namespace: 'scene' } })
    cluster.remove('ingresses', ingress)
    vi.advanceTimersByTime(1_000)
    expect(events.map(({ name }) => name)).toEqual(['k8s.ingress.created', 'k8s.ingress.deleted'])
  })
})

describe('the endpoints of a Service', () => {
  const ready = (...endpoints: readonly boolean[]): object =>
    withChange(
      slice,
      ['endpoints'],
      endpoints.map((one, index) => ({ addresses: [`10.1.0.${index}`], conditions: { ready: one } })),
    )

  test('are reported when none is ready, and when one is ready again', () => {
    const { cluster, events } = scene(serviceAvailability)
    cluster.put('endpointSlices', ready(true, false))
    cluster.put('endpointSlices', ready(false, false))
    vi.advanceTimersByTime(1_000)
    cluster.put('endpointSlices', ready(false))
    cluster.put('endpointSlices', ready(true, false))
    cluster.put('endpointSlices', ready(true, true))
    expect(events).toMatchObject([
      {
        name: 'k8s.service.unavailable',
        severity: 'error',
        entity: { id: 'scene/web' },
        attributes: { 'k8s.service.endpoints.ready': 0, 'k8s.service.endpoints.not_ready': 2 },
      },
      { name: 'k8s.service.available', attributes: { 'k8s.service.endpoints.ready': 1 } },
    ])
    expect(events).toHaveLength(2)
  })

  test('count a pod with an address of each family once', () => {
    const { cluster, events } = scene(serviceAvailability)
    const family = (uid: string, address: string) => (isReady: boolean) =>
      [
        [['metadata', 'uid'], uid],
        [['metadata', 'name'], uid],
        [
          ['endpoints'],
          [{ addresses: [address], conditions: { ready: isReady }, targetRef: { kind: 'Pod', name: 'a', uid: 'a' } }],
        ],
      ].reduce((object, [path, value]) => withChange(object, path as Path, value), slice)
    const families = [family('v4', '10.1.0.1'), family('v6', 'fd00::1')]
    cluster.remove('endpointSlices', slice)
    for (const isReady of [true, false]) for (const one of families) cluster.put('endpointSlices', one(isReady))
    vi.advanceTimersByTime(1_000)
    expect(events).toMatchObject([
      { attributes: { 'k8s.service.endpoints.ready': 0, 'k8s.service.endpoints.not_ready': 1 } },
    ])
  })

  test('are not reported when they move to another slice', () => {
    const { cluster, events } = scene(serviceAvailability)
    cluster.remove('endpointSlices', slice)
    cluster.put(
      'endpointSlices',
      withChange(withChange(slice, ['metadata', 'uid'], 'other'), ['metadata', 'name'], 'b'),
    )
    vi.advanceTimersByTime(1_000)
    expect(events).toEqual([])
  })

  test('are not reported for a deleted Service or namespace, or without a selector', () => {
    const deleted = scene(serviceAvailability)
    deleted.cluster.remove('endpointSlices', slice)
    deleted.cluster.remove('services', service)
    const ending = scene(serviceAvailability, withChange(captured('namespace'), ['status', 'phase'], 'Terminating'))
    ending.cluster.put('endpointSlices', ready(false))
    const without = scene(serviceAvailability)
    without.cluster.put('services', withChange(service, ['spec', 'selector'], undefined))
    without.cluster.put('endpointSlices', ready(false))
    vi.advanceTimersByTime(1_000)
    for (const { events } of [deleted, ending, without]) expect(events).toEqual([])
  })
})
