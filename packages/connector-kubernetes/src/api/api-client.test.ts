import { describe, expect, test } from 'vitest'
import { type Answer, json, object, page, pods, refusing, speaking, watching } from '../../test/api-server.ts'
import { SECRETS } from '../key-secret.ts'
import { KubernetesError } from './errors.ts'
import type { KubernetesApi, ListOptions, WatchEvent, WatchOptions } from './kubernetes-api.ts'

const { signal } = new AbortController()

async function failure(promise: Promise<unknown>): Promise<KubernetesError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(KubernetesError)
  return error as KubernetesError
}

function collecting(options: Partial<ListOptions> = {}) {
  const items: unknown[] = []
  return { items, options: { ...options, onItems: (more: readonly unknown[]) => void items.push(...more) } }
}

const breakingOff: Answer = (_request, response) => {
  response.writeHead(200)
  response.write('{"items":[{', () => response.destroy())
}

describe('list', () => {
  test('reads page by page', async () => {
    const { api, requests } = await speaking([
      json(page([object('a', '1'), object('b', '2')], '9', 'next&1')),
      json(page([object('c', '3')], '9')),
    ])
    const { items, options } = collecting({ namespace: 'shop', limit: 2 })
    expect(await api.list(pods, options, signal)).toBe('9')
    expect(items).toEqual([object('a', '1'), object('b', '2'), object('c', '3')])
    expect(requests).toEqual([
      'GET /api/v1/namespaces/shop/pods?limit=2',
      'GET /api/v1/namespaces/shop/pods?limit=2&continue=next%261',
    ])
  })

  test('needs no version for a kind that cannot be watched', async () => {
    const { api } = await speaking([json({ metadata: {}, items: [object('a', '1')] })])
    const { items, options } = collecting()
    expect(await api.list({ ...pods, verbs: ['get', 'list'] }, options, signal)).toBe('')
    expect(items).toEqual([object('a', '1')])
    expect((await failure(api.list(pods, options, signal))).message).toContain('is not a list')
  })

  test('starts from scratch when it expires between two pages', async () => {
    const { api } = await speaking([
      json(page([object('a', '1')], '9', 'x')),
      refusing(410, 'Expired'),
      json(page([object('b', '2')], '10')),
    ])
    const { items, options } = collecting()
    let restarts = 0
    const onRestart = (): void => {
      restarts += 1
      items.length = 0
    }
    expect(await api.list(pods, { ...options, onRestart }, signal)).toBe('10')
    expect({ items, restarts }).toEqual({ items: [object('b', '2')], restarts: 1 })
  })

  test('fails after it expired four times', async () => {
    const rounds = [0, 1, 2, 3].flatMap(() => [json(page([], '9', 'x')), refusing(410, 'Expired')])
    const { api, requests } = await speaking(rounds)
    expect(await failure(api.list(pods, collecting().options, signal))).toMatchObject({ status: 410 })
    expect(requests).toHaveLength(8)
  })

  test('accepts only metadata for a kind whose data is not read', async () => {
    const { api, headers } = await speaking([refusing(406, 'NotAcceptable')])
    const secrets = { ...pods, resource: 'secrets', isMetadataOnly: true }
    const error = await failure(api.list(secrets, collecting().options, signal))
    expect(headers[0]?.accept).toBe('application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1')
    expect(error.message).toContain('metadata without data')
  })

  test.each<[string, Answer]>([
    ['is incomplete', breakingOff],
    ['is another object', json({ kind: 'Pod' })],
    ['is not JSON', (_request, response) => response.end('<html>')],
  ])('fails if the answer %s', async (_what, answer) => {
    const { api } = await speaking([answer])
    const error = await failure(api.list(pods, collecting().options, signal))
    expect(error.message).toContain('listing pods')
  })

  test('leaves out managed fields by default', async () => {
    const managedFields = [{ manager: 'kubectl', fieldsV1: { 'f:x"]': {} } }]
    const { api } = await speaking([json(page([object('a', '1', { managedFields, labels: { b: 'c' } })], '1'))])
    const [without, all] = [collecting(), collecting({ withManagers: true })]
    await api.list(pods, without.options, signal)
    await api.list(pods, all.options, signal)
    expect(without.items).toEqual([object('a', '1', { managedFields: [], labels: { b: 'c' } })])
    expect(all.items).toEqual([object('a', '1', { managedFields, labels: { b: 'c' } })])
  })
})

describe('watch', () => {
  async function follow(api: KubernetesApi, options: Partial<WatchOptions> = {}, resource = pods) {
    const events: WatchEvent[] = []
    const watch = { resourceVersion: '7', onEvent: (event: WatchEvent) => void events.push(event), ...options }
    return { error: await failure(api.watch(resource, watch, signal)), events }
  }

  test('passes on events and always rejects', async () => {
    const sent = [
      { type: 'ADDED', object: object('ä', '8') },
      { type: 'BOOKMARK', object: { metadata: { resourceVersion: '9' } } },
    ]
    const { api, requests } = await speaking([watching(sent)])
    let opened = 0
    const onOpen = (): void => {
      opened += 1
    }
    const { events, error } = await follow(api, { onOpen })
    expect(events).toEqual(sent)
    expect(error).toMatchObject({ reason: 'WatchEnded' })
    expect(opened).toBe(1)
    expect(requests[0]).toMatch(
      /^GET \/api\/v1\/pods\?watch=true&resourceVersion=7&allowWatchBookmarks=true&timeoutSeconds=[345]\d\d/,
    )
  })

  test('requests a short lifetime for a kind without bookmarks', async () => {
    const { api, requests } = await speaking([watching([])])
    await follow(api, {}, { ...pods, hasNoBookmarks: true })
    expect(requests[0]).toMatch(/timeoutSeconds=[4567]\d$/)
  })

  test('reports an expired version with status 410', async () => {
    const status = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' }
    const { api } = await speaking([watching([{ type: 'ERROR', object: status }])])
    expect((await follow(api)).error).toMatchObject({ status: 410, reason: 'Expired' })
  })

  test('fails when it becomes silent', async () => {
    const { api } = await speaking([watching([{ type: 'ADDED', object: object('a', '8') }], 'stay')])
    const { events, error } = await follow(api, { silence: 300 })
    expect(events).toHaveLength(1)
    expect(error).toMatchObject({ reason: 'Silent', message: expect.stringContaining('watching pods') })
  })

  test('has a reason of its own if it was silent from the beginning', async () => {
    const { api } = await speaking([watching([], 'stay')])
    const { error } = await follow(api, { silence: 60 })
    expect(error).toMatchObject({ reason: 'SilentFromStart' })
  })

  test('reports a closed connection', async () => {
    const { api } = await speaking([watching([], 'break')])
    expect((await follow(api)).error.message).toMatch(/closed the connection|restarted/)
  })

  test('fails for an unknown event', async () => {
    const { api } = await speaking([watching([{ type: 'RENAMED' }])])
    expect((await follow(api)).error.message).toContain('unknown event')
  })

  describe('in batches', () => {
    async function received(answers: readonly Answer[], options: Partial<WatchOptions> = {}) {
      const { api } = await speaking(answers)
      return follow(api, options)
    }
    const many = Array.from({ length: 200 }, (_, index) => ({
      type: 'MODIFIED',
      object: object(`ä${index}`, String(index), { text: 'x'.repeat(index * 50) }),
    }))

    test('passes many events to the listener, and ends by rejecting', async () => {
      const { events, error } = await received([watching(many)])
      expect(events).toEqual(many)
      expect(error).toMatchObject({ reason: 'WatchEnded' })
    })

    test('passes on events that arrive slowly', async () => {
      const slowly: Answer = (_request, response) => {
        response.writeHead(200)
        const bytes = Buffer.from(
          `${many
            .slice(0, 20)
            .map((event) => JSON.stringify(event))
            .join('\n')}\n`,
        )
        const write = (at: number): unknown => {
          if (at >= bytes.length) return response.end()
          response.write(bytes.subarray(at, at + 1000))
          return setTimeout(write, 20, at + 1000)
        }
        write(0)
      }
      expect((await received([slowly])).events).toEqual(many.slice(0, 20))
    })

    test('rejects with the error of the server, after the events before it', async () => {
      const status = { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } }
      const { events, error } = await received([watching([...many.slice(0, 3), status], 'stay')])
      expect(events).toEqual(many.slice(0, 3))
      expect(error).toMatchObject({ status: 410 })
    })

    test('fails when it becomes silent, and reports a closed connection', async () => {
      const { events, error } = await received([watching(many.slice(0, 1), 'stay')], { silence: 300 })
      expect(events).toHaveLength(1)
      expect(error).toMatchObject({ reason: 'Silent' })
      expect((await received([watching([], 'stay')], { silence: 300 })).error).toMatchObject({
        reason: 'SilentFromStart',
      })
      expect((await received([watching([], 'break')])).error.message).toMatch(/closed the connection|restarted/)
      expect((await received([watching([{ type: 'RENAMED' }], 'stay')])).error.message).toContain('unknown event')
    })

    test('passes on no event after the signal aborted', async () => {
      const { api, connections } = await speaking([watching(many.slice(0, 3), 'stay')])
      const stop = new AbortController()
      let calls = 0
      const onEvent = (): void => {
        calls += 1
        stop.abort(new Error('the agent stops'))
      }
      await expect(api.watch(pods, { resourceVersion: '7', onEvent }, stop.signal)).rejects.toThrow('the agent stops')
      expect(calls).toBe(1)
      await expect.poll(connections).toBe(0)
    })
  })

  test('rejects with the reason of the signal, and closes its connection', async () => {
    const { api, connections } = await speaking([watching([{ type: 'ADDED', object: object('a', '8') }], 'stay')])
    const stop = new AbortController()
    const reason = new Error('the agent stops')
    const watch = { resourceVersion: '7', onEvent: () => stop.abort(reason) }
    await expect(api.watch(pods, watch, stop.signal)).rejects.toBe(reason)
    await expect.poll(connections).toBe(0)
  })
})

describe('get, text, create and replace', () => {
  test('get returns an object, undefined if it does not exist', async () => {
    const { api, requests } = await speaking([json(object('a', '1')), refusing(404, 'NotFound')])
    expect(await api.get(pods, { name: 'a', namespace: 'shop' }, signal)).toEqual(object('a', '1'))
    expect(await api.get(pods, { name: 'b' }, signal)).toBeUndefined()
    expect(requests).toEqual(['GET /api/v1/namespaces/shop/pods/a', 'GET /api/v1/pods/b'])
  })

  test('get suggests a Role in a namespace for the namespace itself', async () => {
    const { api } = await speaking([refusing(403, 'Forbidden')])
    const namespaces = { ...pods, resource: 'namespaces', isNamespaced: false }
    const error = await failure(api.get(namespaces, { name: 'kube-system' }, signal))
    expect(error.message).toContain('in a ClusterRole, or in a Role of namespace `kube-system`')
  })

  test('get names the subresource of a missing permission', async () => {
    const { api } = await speaking([refusing(403, 'Forbidden')])
    const nodes = { ...pods, resource: 'nodes' }
    const error = await failure(api.get(nodes, { name: 'n', subresource: 'proxy/stats/summary' }, signal))
    expect(error.permission).toEqual({ verb: 'get', group: '', resource: 'nodes/proxy', namespace: undefined })
  })

  test('text reads a log up to its limit', async () => {
    const { api, requests } = await speaking([(_request, response) => response.end('äöü\nend')])
    const request = { namespace: 'shop', pod: 'a', container: 'app', previous: true, lines: 5, limitBytes: 5 }
    expect(await api.text(request, signal)).toBe('äö')
    expect(requests).toEqual([
      'GET /api/v1/namespaces/shop/pods/a/log?container=app&previous=true&tailLines=5&limitBytes=5',
    ])
  })

  test('text returns undefined for a container that has not run', async () => {
    const { api } = await speaking([refusing(400, 'BadRequest', 'previous terminated container not found')])
    const request = { namespace: 'shop', pod: 'a', container: 'app', limitBytes: 5 }
    expect(await api.text(request, signal)).toBeUndefined()
  })

  test('create writes a lease, and replace an object', async () => {
    const { api, requests, bodies } = await speaking([
      json({ made: true }, 201),
      refusing(409, 'Conflict', 'the object has been modified'),
    ])
    expect(await api.create('rca', { spec: 1 }, signal)).toEqual({ made: true })
    expect(await failure(api.replace(SECRETS, { namespace: 'rca', name: 'key' }, { spec: 2 }, signal))).toMatchObject({
      status: 409,
    })
    expect(requests).toEqual([
      'POST /apis/coordination.k8s.io/v1/namespaces/rca/leases',
      'PUT /api/v1/namespaces/rca/secrets/key',
    ])
    expect(bodies).toEqual(['{"spec":1}', '{"spec":2}'])
  })
})

describe('discover', () => {
  const wanted = [
    { group: '', version: 'v1' },
    { group: 'policy', version: 'v1' },
    { group: 'metrics.k8s.io', version: 'v1beta1' },
  ]

  test('returns resources, and groups that do not answer', async () => {
    const answers: Record<string, ReturnType<typeof json>> = {
      '/api/v1': json({ resources: [{ name: 'pods', kind: 'Pod', namespaced: true, verbs: ['list'] }] }),
      '/apis/policy/v1': refusing(404, 'NotFound'),
      '/apis/metrics.k8s.io/v1beta1': refusing(503, 'ServiceUnavailable'),
    }
    const { api } = await speaking([(request, response) => answers[request.url ?? '']?.(request, response)])
    const { resources, failures } = await api.discover(wanted, signal)
    expect(resources).toEqual([{ ...pods, verbs: ['list'] }])
    expect(failures).toMatchObject([{ group: 'metrics.k8s.io', error: { status: 503 } }])
  })

  test('fails without a valid token', async () => {
    const { api } = await speaking([refusing(401, 'Unauthorized')])
    expect(await failure(api.discover(wanted, signal))).toMatchObject({ status: 401 })
  })
})

describe('errors', () => {
  test('name a missing permission, and no token', async () => {
    const { api, headers } = await speaking([refusing(403, 'Forbidden', 'deployments is forbidden')])
    const deployments = { ...pods, group: 'apps', resource: 'deployments' }
    const error = await failure(api.list(deployments, { ...collecting().options, namespace: 'shop' }, signal))
    expect(headers[0]?.authorization).toBe('Bearer canary-token')
    expect(error.message).toBe(
      'A permission is missing: allow verb `list` on resource `deployments` of API group `apps` in a Role of namespace `shop`: deployments is forbidden',
    )
    expect(error.permission).toEqual({ verb: 'list', group: 'apps', resource: 'deployments', namespace: 'shop' })
  })

  test('have the seconds of Retry-After', async () => {
    const { api } = await speaking([json({}, 429, { 'retry-after': '7' })])
    expect(await failure(api.get(pods, { name: 'a' }, signal))).toMatchObject({ status: 429, retryAfter: 7 })
  })

  test('report a stopped server', async () => {
    const { api, close } = await speaking([])
    await close()
    expect((await failure(api.get(pods, { name: 'a' }, signal))).message).toContain('No API server answers at')
  })

  test('report a server that does not begin to answer', async () => {
    const { api } = await speaking([() => undefined], 50)
    expect(await failure(api.get(pods, { name: 'a' }, signal))).toMatchObject({ reason: 'Timeout' })
  })

  test('report a server that becomes silent within its answer', async () => {
    const hanging: Answer = (_request, response) => {
      response.writeHead(200)
      response.write('{"items":[{')
    }
    const { api } = await speaking([hanging, json({})], 500)
    expect(await failure(api.list(pods, collecting().options, signal))).toMatchObject({ reason: 'Timeout' })
    expect(await api.get(pods, { name: 'a' }, signal)).toEqual({})
  })

  test('report a timeout', async () => {
    const { api } = await speaking([() => undefined])
    const error = await failure(api.get(pods, { name: 'a' }, AbortSignal.timeout(50)))
    expect(error.message).toContain('did not answer in time')
  })

  test('read credentials again after status 401', async () => {
    const { api, access } = await speaking([refusing(401, 'Unauthorized'), json({})])
    const read = access.credentials
    let reads = 0
    const credentials = () => {
      reads += 1
      return read()
    }
    Object.assign(access, { credentials })
    await failure(api.get(pods, { name: 'a' }, signal))
    await api.get(pods, { name: 'a' }, signal)
    await api.get(pods, { name: 'a' }, signal)
    expect(reads).toBe(2)
  })
})
