import { describe, expect, test } from 'vitest'
import { captured } from '../../test/fixtures.ts'
import {
  collectUsage,
  metricsResources,
  nodesResource,
  rawNode,
  type UsageScene,
  usageClient,
  usageContext,
  usagePoints,
} from '../../test/usage-scene.ts'
import { KubernetesError } from '../api/errors.ts'
import type { KubernetesApi, ListOptions } from '../api/kubernetes-api.ts'

const forbidden = (resource: string, verb: string): KubernetesError =>
  new KubernetesError(`A permission is missing: allow verb \`${verb}\` on resource \`${resource}\``, {
    status: 403,
    reason: 'Forbidden',
    permission: { verb, group: '', resource },
  })
const refusing: KubernetesApi['get'] = () => Promise.reject(forbidden('nodes/proxy', 'get'))
const pods = [
  { metadata: { name: 'web', namespace: 'shop', uid: 'pod-web' } },
  { metadata: { name: 'db', namespace: 'data', uid: 'pod-db' } },
]
const podMetrics = [
  {
    metadata: { name: 'web', namespace: 'shop', creationTimestamp: '2026-11-25T02:00:00Z' },
    timestamp: '2026-11-25T01:59:50Z',
    window: '15s',
    containers: [
      { name: 'app', usage: { cpu: '250123456n', memory: '125448Ki' } },
      { name: 'sidecar', usage: { cpu: '0', memory: '1Mi' } },
    ],
  },
  {
    metadata: { name: 'db', namespace: 'data' },
    containers: [{ name: 'db', usage: { cpu: '1500m', memory: 'much' } }],
  },
  { metadata: { name: 'unknown', namespace: 'shop' }, containers: [{ name: 'x', usage: { cpu: '1', memory: '1' } }] },
  ...[null, 7, {}, { metadata: { name: 'web', namespace: 'shop' }, containers: [null, {}, { name: 'app', usage: 7 }] }],
]
const nodeMetrics = [
  { metadata: { name: 'node1' }, usage: { cpu: '2', memory: '1Gi' } },
  { metadata: { name: 'other' } },
]

/** Answers of metrics.k8s.io. */
function listing(fails: (namespace: string | undefined, resource: string) => boolean = () => false) {
  const asked: string[] = []
  const list: KubernetesApi['list'] = async ({ resource }, { namespace, onItems }: ListOptions) => {
    asked.push(`${namespace ?? ''}/${resource}`)
    if (fails(namespace, resource)) throw forbidden(`${resource}.metrics.k8s.io`, 'list')
    const all: readonly unknown[] = resource === 'pods' ? podMetrics : nodeMetrics
    onItems(
      all.filter((item) => namespace === undefined || JSON.stringify(item).includes(`"namespace":"${namespace}"`)),
    )
    return ''
  }
  return { asked, list }
}

/** A client without permission for kubelets, in a cluster with one node and metrics-server. */
function refused(scene: UsageScene = {}) {
  const resources = { nodes: nodesResource, ...metricsResources }
  return usageClient({
    nodes: [rawNode('node1')],
    pods,
    claims: [],
    resources,
    get: refusing,
    list: listing().list,
    ...scene,
  })
}

describe('usage from kubelets', () => {
  test('reports nodes, pods, containers and volumes', async () => {
    const client = usageClient({ get: async () => captured('stats-summary') })
    const collected = await collectUsage(client, usageContext().context)
    expect(collected.gaps).toEqual([])
    expect(Object.keys(usagePoints(collected)).length).toBeGreaterThan(50)
  })

  test('reports storage and processes when they change, and every five minutes', async () => {
    const client = usageClient({ get: async () => captured('stats-summary') })
    const { context, clock } = usageContext()
    const names = async (): Promise<string> => Object.keys(usagePoints(await collectUsage(client, context))).join()
    const first = await names()
    clock.now += 1
    const second = await names()
    clock.now += 300_000
    expect(first).toContain('k8s.container.ephemeral_storage.usage')
    expect(second).not.toContain('k8s.container.ephemeral_storage.usage')
    expect(second).toContain('container.memory.working_set')
    expect(await names()).toBe(first)
  })

  test('names twenty kubelets that do not answer, and counts the others', async () => {
    const nodes = Array.from({ length: 30 }, (_, id) => rawNode(`node${id}`))
    const asked: string[] = []
    const get: KubernetesApi['get'] = async (_resource, { name }) => {
      asked.push(name)
      return name === 'node6' ? captured('stats-summary') : Promise.reject(new Error('it broke'))
    }
    const client = usageClient({ nodes, get })
    const { context } = usageContext()
    const first = await collectUsage(client, context)
    expect(first.metrics?.length).toBeGreaterThan(50)
    expect(first.gaps?.map((gap) => gap?.scope)).toEqual(
      asked
        .filter((name) => name !== 'node6')
        .map((name) => `kubelet:${name}`)
        .toSorted(),
    )
    // The other half, and the known failures of the first.
    const { gaps = [], metrics } = await collectUsage(client, context)
    expect(new Set(asked).size).toBe(30)
    expect(metrics).toEqual([])
    expect(gaps).toHaveLength(21)
    expect(gaps[0]).toEqual({ scope: 'kubelet:node0', reason: 'it broke' })
    expect(gaps.at(-1)).toEqual({ scope: 'kubelet:others', reason: '9 more kubelets do not answer' })
  })

  test('reads all kubelets for a full snapshot, however many there are', async () => {
    const nodes = Array.from({ length: 30 }, (_, id) => rawNode(`node${id}`))
    const asked: string[] = []
    const get: KubernetesApi['get'] = async (_resource, { name }) => {
      asked.push(name)
      return captured('stats-summary')
    }
    const { context } = usageContext()
    await collectUsage(usageClient({ nodes, get }), { ...context, fullSnapshot: true })
    expect(new Set(asked).size).toBe(30)
  })

  test('sends all points of a kubelet again that failed during a full snapshot', async () => {
    let isWell = true
    const get: KubernetesApi['get'] = async () => (isWell ? captured('stats-summary') : Promise.reject(new Error('no')))
    const client = usageClient({ get })
    const { context, clock } = usageContext()
    const names = async (fullSnapshot: boolean): Promise<string> => {
      clock.now += 1
      return Object.keys(usagePoints(await collectUsage(client, { ...context, fullSnapshot }))).join()
    }
    const first = await names(false)
    expect(await names(false)).not.toBe(first)
    isWell = false
    expect(await names(true)).toBe('')
    isWell = true
    expect(await names(false)).toBe(first)
  })

  test('reads metrics.k8s.io if no kubelet answers', async () => {
    const client = refused({ get: () => Promise.reject(new Error('it broke')) })
    const collected = await collectUsage(client, usageContext().context)
    expect(usagePoints(collected)).toMatchObject({ 'k8s.node:node1 k8s.node.cpu.usage{}': 2 })
    expect(collected.gaps).toEqual([
      { scope: 'kubelet:node1', reason: 'it broke' },
      { scope: 'kubelet', reason: expect.stringContaining('no kubelet answers') },
    ])
  })
})

describe('usage without permission for kubelets', () => {
  test('reports CPU and memory from metrics.k8s.io, and names the missing permission in a gap', async () => {
    const collected = await collectUsage(refused(), usageContext().context)
    expect(usagePoints(collected)).toEqual({
      'k8s.pod:pod-web k8s.pod.cpu.usage{}': 0.250_123_456,
      'k8s.pod:pod-web k8s.pod.memory.working_set{}': 125_448 * 1024 + 2 ** 20,
      'k8s.container:pod-web/app container.cpu.usage{}': 0.250_123_456,
      'k8s.container:pod-web/app container.memory.working_set{}': 125_448 * 1024,
      'k8s.container:pod-web/sidecar container.cpu.usage{}': 0,
      'k8s.container:pod-web/sidecar container.memory.working_set{}': 2 ** 20,
      'k8s.pod:pod-db k8s.pod.cpu.usage{}': 1.5,
      'k8s.container:pod-db/db container.cpu.usage{}': 1.5,
      'k8s.node:node1 k8s.node.cpu.usage{}': 2,
      'k8s.node:node1 k8s.node.memory.working_set{}': 2 ** 30,
    })
    expect(collected.gaps).toEqual([
      {
        scope: 'kubelet',
        reason: expect.stringMatching(/metrics\.k8s\.io: .* allow verb `get` on resource `nodes\/proxy`/),
      },
    ])
  })

  test('does not read metrics.k8s.io after some kubelets answered', async () => {
    const get: KubernetesApi['get'] = async (_resource, { name }) =>
      name === 'node1' ? { node: { cpu: { usageNanoCores: 3e9 } } } : Promise.reject(forbidden('nodes/proxy', 'get'))
    const nodes = [rawNode('node1'), rawNode('node2')]
    const client = refused({ get, nodes })
    const { context } = usageContext()
    const { metrics = [], gaps } = await collectUsage(client, context)
    const cpu = metrics.filter((metric) => metric?.name === 'k8s.node.cpu.usage')
    expect(cpu.map((metric) => metric?.value)).toEqual([3])
    expect(gaps).toMatchObject([{ scope: 'kubelet', reason: expect.stringContaining('nodes/proxy') }])
    expect(usagePoints(await collectUsage(client, context))).toMatchObject({ 'k8s.node:node1 k8s.node.cpu.usage{}': 2 })
  })

  test('tries kubelets again after ten minutes', async () => {
    const { context, clock } = usageContext()
    let asked = 0
    let isAllowed = false
    const get: KubernetesApi['get'] = async () => {
      asked += 1
      return isAllowed ? { node: { cpu: { usageNanoCores: 3e9 } } } : Promise.reject(forbidden('nodes/proxy', 'get'))
    }
    const client = refused({ get })
    const before = await collectUsage(client, context)
    isAllowed = true
    clock.now += 599_000
    expect(await collectUsage(client, context)).toEqual(before)
    expect(asked).toBe(1)
    clock.now += 1000
    const after = await collectUsage(client, context)
    expect(usagePoints(after)).toEqual({ 'k8s.node:node1 k8s.node.cpu.usage{}': 3 })
    expect(after.gaps).toEqual([])
    await collectUsage(client, context)
    expect(asked).toBe(3)
  })

  test('has one gap with both reasons if the server has no metrics.k8s.io', async () => {
    const collected = await collectUsage(refused({ resources: { nodes: nodesResource } }), usageContext().context)
    expect(usagePoints(collected)).toEqual({})
    expect(collected.gaps).toEqual([
      { scope: 'usage', reason: expect.stringMatching(/`nodes\/proxy`.*the server has no pods in metrics\.k8s\.io/) },
    ])
  })

  test('has one gap with both reasons if metrics.k8s.io may not be read', async () => {
    const collected = await collectUsage(refused({ list: listing(() => true).list }), usageContext().context)
    expect(collected.gaps).toEqual([
      {
        scope: 'usage',
        reason: expect.stringMatching(/`nodes\/proxy`.*verb `list` on resource `pods\.metrics\.k8s\.io`/),
      },
    ])
  })

  test('has a gap of its own for nodes that metrics.k8s.io does not return', async () => {
    const { list } = listing((_namespace, resource) => resource === 'nodes')
    const collected = await collectUsage(refused({ list }), usageContext().context)
    expect(collected.gaps).toMatchObject([{ scope: 'kubelet' }, { scope: 'usage:nodes' }])
    expect(usagePoints(collected)).toHaveProperty(['k8s.pod:pod-db k8s.pod.cpu.usage{}'])
  })
})

describe('usage of selected namespaces', () => {
  const resources = { nodes: nodesResource, ...metricsResources }

  test('reads pods of each namespace, but no kubelets and nodes, and has no gap', async () => {
    const { list, asked } = listing()
    const client = usageClient({ pods, resources, list, namespaces: ['shop', 'data'] })
    const collected = await collectUsage(client, usageContext().context)
    expect(asked).toEqual(['shop/pods', 'data/pods'])
    expect(collected.gaps).toEqual([])
    expect(Object.keys(usagePoints(collected))).toHaveLength(8)
  })

  test('has a gap for a namespace that may not be read, and one gap if that is true of all', async () => {
    const scene = { pods, resources, namespaces: ['shop', 'data'] }
    const one = usageClient({ ...scene, list: listing((namespace) => namespace === 'data').list })
    expect((await collectUsage(one, usageContext().context)).gaps).toMatchObject([{ scope: 'usage:data' }])
    const all = usageClient({ ...scene, list: listing(() => true).list })
    expect((await collectUsage(all, usageContext().context)).gaps).toMatchObject([{ scope: 'usage' }])
  })
})

test('usage has a gap if no node is known', async () => {
  const collected = await collectUsage(refused({ nodes: [] }), usageContext().context)
  expect(collected.gaps).toMatchObject([{ scope: 'kubelet', reason: expect.stringContaining('no node is known') }])
})

test('usage rejects with the reason of the signal', async () => {
  const stop = new AbortController()
  const list: KubernetesApi['list'] = async () => {
    stop.abort(new Error('stopping'))
    throw stop.signal.reason
  }
  await expect(collectUsage(refused({ list }), usageContext(stop.signal).context)).rejects.toThrow('stopping')
})

test('usage reports a list once that starts from scratch', async () => {
  const list: KubernetesApi['list'] = async ({ resource }, { onItems, onRestart }) => {
    if (resource === 'nodes') return ''
    onItems(podMetrics)
    onRestart?.()
    onItems(podMetrics)
    return ''
  }
  const { metrics = [] } = await collectUsage(refused({ list }), usageContext().context)
  expect(metrics.filter((metric) => metric?.entity.id === 'pod-web/sidecar')).toHaveLength(2)
})
