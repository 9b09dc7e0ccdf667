import type { Report } from '@rca/core/protocol'
import { describe, expect, test } from 'vitest'
import { AGENT_URL, agentIdOf, at, eventOf, reportOf, START, startApi, type TestApi } from './kit.ts'

type Entity = Report['data']['entities'][number]
type Event = Report['data']['events'][number]
type Reference = Entity['relations'][number]['target']

const ref = (type: string, id: string): Reference => ({ type, id })

/** Makes an entity from `type id`, and relations as `name type id`. */
function entityOf(reference: Reference, relations: readonly [string, Reference][], attributes = {}): Entity {
  const targets = relations.map(([type, target]) => ({ type, target }))
  return { ...reference, name: reference.id, attributes, relations: targets }
}

const [cluster, namespace] = [ref('k8s.cluster', 'c'), ref('k8s.namespace', 'shop')]
const [node, host] = [ref('k8s.node', 'node1'), ref('host', 'h1')]
const orders = ref('k8s.deployment', 'shop/orders')
const replicaSet = ref('k8s.replicaset', 'shop/orders-7d9c')
const pod = ref('k8s.pod', 'b7e0')
const app = ref('k8s.container', 'b7e0/app')
const settings = ref('k8s.configmap', 'shop/orders-settings')
const service = ref('k8s.service', 'shop/orders')
const autoscaler = ref('k8s.hpa', 'shop/orders')
const other = ref('k8s.deployment', 'shop/mails')
const web = ref('container', 'web')
const otherPod = ref('k8s.pod', 'c111')

/** A Deployment with all that is around it, and another one in the same namespace and on the same node. */
const ENTITIES = [
  entityOf(cluster, []),
  entityOf(namespace, [['owned_by', cluster]]),
  entityOf(node, [
    ['part_of', cluster],
    ['runs_on', host],
  ]),
  entityOf(host, []),
  entityOf(settings, [['owned_by', namespace]]),
  entityOf(
    orders,
    [
      ['owned_by', namespace],
      ['uses', settings],
    ],
    { 'k8s.namespace.name': 'shop', 'k8s.deployment.label.app': 'orders', 'k8s.deployment.label.team': 'pay' },
  ),
  entityOf(replicaSet, [['owned_by', orders]], { 'k8s.replicaset.label.app': 'orders' }),
  entityOf(
    pod,
    [
      ['owned_by', replicaSet],
      ['runs_on', node],
    ],
    { 'k8s.pod.label.app': 'orders' },
  ),
  entityOf(app, [['part_of', pod]]),
  entityOf(service, [
    ['owned_by', namespace],
    ['selects', pod],
  ]),
  entityOf(autoscaler, [
    ['owned_by', namespace],
    ['scales', orders],
  ]),
  entityOf(other, [['owned_by', namespace]]),
  entityOf(otherPod, [
    ['owned_by', other],
    ['runs_on', node],
  ]),
]

const inShop = { 'k8s.namespace.name': 'shop' }

/** Makes one event of each entity, from the first to the last, a second apart. Its body is the entity's id. */
const eventsOf = (references: readonly Reference[]): Event[] =>
  references.map((entity, index) => eventOf({ name: 'x.happened', entity, body: entity.id, at: at(index) }))

const bodies = (answer: { events: { body: string }[] }): string[] => answer.events.map(({ body }) => body).sort()

async function ask(api: TestApi, query: Readonly<Record<string, string>>) {
  const response = await api.admin({ url: '/api/v1/events', query })
  expect(response.statusCode, response.body).toBe(200)
  return response.json()
}

const related = { entity_type: orders.type, entity_id: orders.id, related: 'true' }

const cluster1 = { agent_type: 'docker', snapshot: true } as const

describe('events of an entity and of what is related to it', () => {
  test('include its parts, what they use and run on, its owners and its users, and nothing of its neighbours', async () => {
    const api = await startApi()
    const token = await api.provision()
    await api.send(token, reportOf({ entities: ENTITIES, events: eventsOf(ENTITIES) }, cluster1))
    const answer = await ask(api, related)
    const expected = [orders, replicaSet, pod, app, settings, service, autoscaler, node, host, namespace, cluster]
    expect(bodies(answer)).toEqual(expected.map(({ id }) => id).sort())
    expect(answer.related_entities).toEqual({ count: expected.length, complete: true })
    const exact = await ask(api, { entity_type: orders.type, entity_id: orders.id })
    expect(bodies(exact)).toEqual([orders.id])
    expect(exact).not.toHaveProperty('related_entities')
  })

  test('start from any entity', async () => {
    const api = await startApi()
    const token = await api.provision()
    await api.send(token, reportOf({ entities: ENTITIES, events: eventsOf(ENTITIES) }, cluster1))
    const above = [replicaSet, orders, settings, node, host, namespace, cluster]
    const trails: [string, Reference, readonly Reference[]][] = [
      ['a Service', service, [service, pod, app, ...above]],
      ['a ConfigMap', settings, [pod, app, ...above]],
      ['an autoscaler', autoscaler, [autoscaler, pod, app, ...above]],
      ['a container', app, [app, pod, ...above]],
      ['a node, with all that runs on it', node, [pod, app, otherPod, other, ...above]],
    ]
    for (const [name, root, expected] of trails) {
      const answer = await ask(api, { entity_type: root.type, entity_id: root.id, related: 'true' })
      expect(bodies(answer), name).toEqual(expected.map(({ id }) => id).sort())
    }
  })

  test('include what other types of agents report of the same host, and not what another cluster calls the same', async () => {
    const api = await startApi()
    const token = await api.provision()
    await api.send(token, reportOf({ entities: ENTITIES, events: eventsOf([orders]) }, cluster1))
    const second = { ...cluster1, agent_id: agentIdOf('second cluster') }
    const elsewhere = [entityOf(orders, [['uses', settings]]), entityOf(settings, [])]
    await api.send(token, reportOf({ entities: elsewhere, events: eventsOf([settings]) }, second))
    const serverToken = await api.provision('prod-cluster-1', 'server')
    const server = { agent_type: 'server', agent_id: agentIdOf('server'), snapshot: true } as const
    const disk = ref('disk', 'sda')
    const data = { entities: [entityOf(host, []), entityOf(disk, [['part_of', host]])], events: eventsOf([host, disk]) }
    await api.send(serverToken, reportOf(data, server))
    const one = await ask(api, { ...related, agent_id: agentIdOf('first') })
    expect(bodies(one)).toEqual([host.id, orders.id])
    const otherToken = await api.provision('another', 'server')
    await api.send(otherToken, reportOf({ ...data, events: eventsOf([host]) }, server))
    expect(bodies(await ask(api, { ...related, environment: 'prod-cluster-1' }))).toEqual(
      [host.id, orders.id, settings.id].sort(),
    )
  })

  test('include what existed since `from`, and what an entity only refers to', async () => {
    const api = await startApi()
    const token = await api.provision()
    await api.send(token, reportOf({ entities: ENTITIES, events: eventsOf([pod, app]) }, cluster1))
    const secret = ref('k8s.secret', 'shop/key')
    const changed = entityOf(orders, [
      ['owned_by', namespace],
      ['uses', secret],
    ])
    const deleted = [pod, app].map((reference) => ({ ...entityOf(reference, []), deleted: true as const }))
    const later = { sequence: 1, timestamp: at(100) }
    await api.send(token, reportOf({ entities: [changed, ...deleted], events: eventsOf([secret, settings]) }, later))
    expect(bodies(await ask(api, related))).toEqual([app.id, pod.id, secret.id].sort())
    expect(bodies(await ask(api, { ...related, from: at(-1) }))).toEqual([app.id, pod.id, secret.id].sort())
    expect((await ask(api, { ...related, from: at(101) })).events).toEqual([])
  })

  test('are read in pages, newest first', async () => {
    const api = await startApi()
    const token = await api.provision()
    await api.send(token, reportOf({ entities: ENTITIES, events: eventsOf(ENTITIES) }, cluster1))
    const all = (await ask(api, related)).events
    const query = new URLSearchParams({ ...related, limit: '3' })
    const paged = await api.admin(`/api/v1/events?${query}`)
    expect(paged.json().events).toEqual(all.slice(0, 3))
    const next = await ask(api, { ...related, limit: '3', cursor: paged.json().next_cursor })
    expect(next.events).toEqual(all.slice(3, 6))
  })

  test('are those of the nearest entities if there are too many', async () => {
    const api = await startApi()
    const token = await api.provision()
    const pods = Array.from({ length: 5100 }, (_, index) =>
      entityOf(ref('k8s.pod', `p${index}`), [['owned_by', orders]]),
    )
    await api.send(token, reportOf({ entities: [...ENTITIES, ...pods], events: eventsOf([orders, host]) }, cluster1))
    const answer = await ask(api, related)
    expect(answer.related_entities).toEqual({ count: 5000, complete: false })
    expect(bodies(answer)).toEqual([orders.id])
  })

  test('need an entity', async () => {
    const api = await startApi()
    for (const query of [
      'related=true',
      'related=true&entity_type=host',
      'label=a=b&entity_id=x',
      'label=a',
      'label==a',
    ])
      expect((await api.admin(`/api/v1/events?${query}`)).statusCode, query).toBe(422)
  })

  test('are empty for an entity that no agent knows', async () => {
    const api = await startApi()
    expect(await ask(api, related)).toEqual({
      events: [],
      related_entities: { count: 0, complete: true },
      next_cursor: null,
    })
  })
})

describe('events by label, namespace, text and change', () => {
  test('are selected by labels of their entity, or of what it belongs to', async () => {
    const api = await startApi()
    const token = await api.provision()
    await api.send(token, reportOf({ entities: ENTITIES, events: eventsOf(ENTITIES) }, cluster1))
    const label = async (...labels: string[]): Promise<string[]> => {
      const query = new URLSearchParams(labels.map((text) => ['label', text]))
      return bodies((await api.admin(`/api/v1/events?${query}`)).json())
    }
    const owned = [orders, replicaSet, pod, app].map(({ id }) => id).sort()
    expect(await label('app=orders')).toEqual(owned)
    expect(await label('team=pay')).toEqual(owned)
    expect(await label('app=orders', 'team=pay')).toEqual(owned)
    expect(await label('app=orders', 'team=other')).toEqual([])
    expect(await label('app=')).toEqual([])
    expect(bodies(await ask(api, { label: 'team=pay', related: 'true' }))).toContain(settings.id)
    // A label that is removed or changed is found no more.
    const renamed = entityOf(orders, [['owned_by', namespace]], { 'k8s.deployment.label.team': 'pay=2' })
    await api.send(token, reportOf({ entities: [renamed] }, { sequence: 1, timestamp: at(1) }))
    expect(await label('team=pay')).toEqual([])
    expect(await label('team=pay=2')).toEqual(owned)
  })

  test('are selected by namespace', async () => {
    const api = await startApi()
    const token = await api.provision()
    const events = [
      eventOf({ body: 'in', attributes: inShop }),
      eventOf({ body: 'elsewhere', attributes: { 'k8s.namespace.name': 'bank' } }),
      eventOf({ body: 'nowhere', attributes: { note: 'k8s.namespace.name shop' } }),
    ]
    await api.send(token, reportOf({ events }))
    expect(bodies(await ask(api, { namespace: 'shop' }))).toEqual(['in'])
    expect(bodies(await ask(api, { namespace: 'shop', severity: 'critical' }))).toEqual([])
  })

  test('are selected by a text in name, body or attributes, literally', async () => {
    const api = await startApi()
    const token = await api.provision()
    const events = [
      eventOf({ body: 'a', attributes: { log: 'FATAL: Cannot reach "db" at 100%_\\x\nnext' } }),
      eventOf({ body: 'b cannot reach' }),
      eventOf({ body: 'c', name: 'x.cannot_reach' }),
    ]
    await api.send(token, reportOf({ events }))
    const find = async (text: string): Promise<string[]> => bodies(await ask(api, { text }))
    expect(await find('CANNOT REACH')).toEqual(['a', 'b cannot reach'])
    expect(await find('"db" at 100%_\\x\nnext')).toEqual(['a'])
    expect(await find('x.cannot')).toEqual(['c'])
    for (const nothing of ['100%x', 'db_at', "' or 1=1"]) expect(await find(nothing)).toEqual([])
    expect(await find('%')).toEqual(['a'])
  })

  test('are selected by whether they report a change', async () => {
    const api = await startApi()
    const token = await api.provision()
    const names = ['k8s.config.changed', 'k8s.workload.scaled', 'container.created', 'docker.volume.changed']
    const others = ['container.crashed', 'container.health_changed', 'k8s.pod.evicted', 'changed']
    const events = [...names, ...others].map((name) => eventOf({ name, body: name }))
    const withAttribute = eventOf({ name: 'acme.rollout', body: 'acme', attributes: { a: '1', 'change.by': 'x' } })
    const quoted = eventOf({ name: 'x.log', body: 'log', attributes: { log: ',"change.by":1 {"change.by' } })
    await api.send(token, reportOf({ events: [...events, withAttribute, quoted] }))
    expect(bodies(await ask(api, { changes: 'true' }))).toEqual(['acme', ...names].sort())
    expect((await ask(api, { changes: 'false' })).events).toHaveLength(10)
  })

  test('are searched a limited number at a time', async () => {
    const api = await startApi()
    const token = await api.provision()
    const many = Array.from({ length: 12_000 }, (_, index) =>
      eventOf({ body: `event ${index}`, at: at(index - 12_000) }),
    )
    await api.send(token, reportOf({ events: many.slice(0, 6000) }))
    await api.send(token, reportOf({ events: many.slice(6000) }, { sequence: 1 }))
    const url = '/api/v1/events?text=event%2017'
    const pages: string[][] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const answer: { events: { body: string }[]; next_cursor: string | null } = (
        await api.admin(`${url}${cursor === '' ? '' : `&cursor=${cursor}`}`)
      ).json()
      pages.push(answer.events.map(({ body }) => body))
      cursor = answer.next_cursor
    }
    const expected = many.filter(({ body }) => body.includes('event 17')).reverse()
    expect(pages.flat()).toEqual(expected.map(({ body }) => body))
    // The first two requests search the newest events, without result.
    expect(pages.map((page) => page.length)).toEqual([0, 0, 100, 11])
  })
})

/** Shortens an event to the fields that a reader needs. */
function shorten({ name, severity, entity, body, steps }: Event & { readonly steps?: number }): object {
  return { name, severity, entity, body, steps }
}

test('the worked example is the answer of the API', async () => {
  const api = await startApi()
  const token = await api.provision()
  const log = 'FATAL: cannot reach db-new:5432\n'
  const happened = (
    entity: Reference,
    name: string,
    severity: Event['severity'],
    seconds: number,
    body: string,
  ): Event => eventOf({ entity, name, severity, body, at: at(seconds), attributes: inShop })
  const events = [
    happened(
      settings,
      'k8s.config.changed',
      'warning',
      2,
      'ConfigMap shop/orders-settings was changed by kubectl-edit; used by Deployment/orders',
    ),
    happened(orders, 'k8s.workload.changed', 'warning', 9, 'Deployment shop/orders was restarted by kubectl-rollout'),
    {
      ...happened(
        app,
        'k8s.container.crashed',
        'error',
        14,
        'Container app of pod shop/orders-7d9c-x2x4p crashed: it exited with 1',
      ),
      attributes: { ...inShop, 'k8s.container.log': log },
    },
    happened(service, 'k8s.service.unavailable', 'error', 14, 'Service shop/orders has lost its last ready endpoint'),
    {
      ...happened(web, 'container.removed', 'info', 19, 'Container web was removed'),
      id: 'removed',
    },
    {
      ...happened(web, 'container.changed', 'warning', 20, 'Container web was recreated: image web:1 → web:2'),
      id: 'changed',
      attributes: { 'change.fields': ['image'], 'change.steps': ['removed'] },
    },
    {
      ...happened(web, 'container.started', 'info', 21, 'Container web was started'),
      id: 'started',
      attributes: { 'step.change_id': 'changed' },
    },
    happened(other, 'k8s.workload.scaled', 'info', 15, 'Deployment shop/mails was scaled from 1 to 2'),
  ]
  await api.send(token, reportOf({ entities: ENTITIES, events }, cluster1))
  const ofWeb = { entity_type: web.type, entity_id: web.id }
  const questions: [string, Record<string, string>][] = [
    ['What happened to the Deployment `orders`, and around it?', { ...related, from: at(-300) }],
    ['What was changed before it?', { ...related, from: at(-300), changes: 'true' }],
    [
      'What happened to the container `web`? Each change is one event, with the number of its steps.',
      { ...ofWeb, fold: 'true' },
    ],
    ['How was it recreated?', { step_of: 'changed' }],
    ['Who else logs the same?', { namespace: 'shop', text: 'cannot reach db-new' }],
  ]
  const sections: string[] = []
  for (const [question, query] of questions) {
    const answer = await ask(api, query)
    expect(answer.next_cursor).toBeNull()
    const url = `/api/v1/events?${Object.entries(query)
      .map(([name, value]) => `${name}=${value.replaceAll(' ', '%20')}`)
      .join('&')}`
    const lines = answer.events.map((event: Event) => `${event.at.slice(11, 19)} ${JSON.stringify(shorten(event))}`)
    sections.push(`${question}\n\n\`\`\`http\nGET ${url}\n\`\`\`\n\n\`\`\`text\n${lines.join('\n')}\n\`\`\`\n`)
  }
  const text = `# The trail of an incident\n\nGenerated from the answers of the API: \`npx vitest run --project api trails -u\`.\nEach line is the time of an event and some of its fields. The API answers in JSON, newest first.\n\n${sections.join('\n')}`
  await expect(text).toMatchFileSnapshot('../trails.md')
})

test('relations and labels follow the changes of their entity, also those that it has twice', async () => {
  const api = await startApi()
  const token = await api.provision()
  let sequence = 0
  const report = async (
    relations: readonly [string, Reference][],
    attributes: Report['data']['entities'][number]['attributes'],
  ) => {
    const entities = [entityOf(pod, relations, attributes)]
    const response = await api.send(token, reportOf({ entities }, { sequence, timestamp: at(sequence) }))
    expect(response.statusCode, response.body).toBe(202)
    sequence += 1
  }
  const countFrom = async (query: Readonly<Record<string, string>>): Promise<number> =>
    (await ask(api, { ...query, related: 'true' })).related_entities.count
  const counts = async (): Promise<number[]> => [
    await countFrom({ entity_type: node.type, entity_id: node.id }),
    await countFrom({ entity_type: settings.type, entity_id: settings.id }),
    await countFrom({ label: 'app=orders' }),
    await countFrom({ label: 'app=mails' }),
  ]
  await report([['runs_on', node]], { 'k8s.pod.label.app': 'orders' })
  expect(await counts()).toEqual([2, 0, 2, 0])
  const twice = { 'k8s.pod.label.app': 'orders', 'k8s.node.label.app': 'orders', 'k8s.pod.phase': 'Running' }
  await report(
    [
      ['runs_on', node],
      ['mounts', settings],
      ['mounts', settings],
    ],
    twice,
  )
  expect(await counts()).toEqual([3, 3, 3, 0])
  await report([['mounts', settings]], { ...twice, 'k8s.pod.label.app': 'mails' })
  expect(await counts()).toEqual([0, 2, 2, 2])
  await report([['mounts', settings]], { 'k8s.pod.label.app': 'mails' })
  expect(await counts()).toEqual([0, 2, 0, 2])
})

test('relations and labels are removed with their entity', async () => {
  const api = await startApi()
  const token = await api.provision()
  await api.send(token, reportOf({ entities: ENTITIES, events: eventsOf([pod]) }, cluster1))
  await api.send(token, reportOf({}, { snapshot: true, sequence: 1, timestamp: at(1) }))
  api.clock.now = START + 400 * 86_400_000
  await api.send(token, reportOf({}, { sequence: 2, timestamp: new Date(api.clock.now).toISOString() }))
  await api.applyRetention()
  expect((await api.admin(`${AGENT_URL}/entities?include_deleted=true`)).json().entities).toEqual([])
  expect(await ask(api, { ...related })).toMatchObject({ related_entities: { count: 0 } })
})
