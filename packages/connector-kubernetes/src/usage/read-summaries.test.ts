import type { Metric } from '@rca/core/connector'
import { expect, onTestFinished, test } from 'vitest'
import { node, nodesResource, rawNode, summaryContext, usageClient } from '../../test/usage-scene.ts'
import { KubernetesError } from '../api/errors.ts'
import type { KubernetesApi } from '../api/kubernetes-api.ts'
import type { Node } from '../kinds/node/node-projection.ts'
import { knownObjects } from './known-objects.ts'
import { readSummaries } from './read-summaries.ts'

const answer = { node: { cpu: { usageNanoCores: 1e9 } }, pods: [] }
const permission = { verb: 'get', group: '', resource: 'nodes/proxy' }

/** Long enough for what answers at once. */
const patient = { readyMs: 60_000, notReadyMs: 60_000, allMs: 60_000 }

function numbered(count: number): Node[] {
  return Array.from({ length: count }, (_, id) => node(`node${id}`))
}

/** @param get the kubelet of the node of this name */
function reading(
  nodes: readonly Node[],
  get: (name: string, signal: AbortSignal) => Promise<unknown>,
  {
    timeouts = patient,
    failedBefore = new Set<string>(),
    emit = async (_points: readonly Metric[]): Promise<void> => undefined,
    signal = new AbortController().signal,
  } = {},
) {
  const known = knownObjects(usageClient({ nodes: [rawNode('other')] }).cluster)
  const ask: KubernetesApi['get'] = (_resource, { name, subresource }, stop) => {
    expect(subresource).toBe('proxy/stats/summary')
    return get(name, stop)
  }
  return readSummaries({
    ...summaryContext(known),
    emit,
    api: { get: ask },
    resource: nodesResource,
    nodes,
    timeouts,
    failedBefore,
    signal,
  })
}

/** Never answers. */
function hanging(_name: string, signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const timer = setTimeout(() => undefined, 60_000)
    onTestFinished(() => clearTimeout(timer))
    signal.addEventListener('abort', () => reject(signal.reason))
  })
}

test('reads 300 kubelets, four at a time', async () => {
  let [now, most] = [0, 0]
  const asked = new Set<string>()
  const received = new Set<string>()
  const emit = async (points: readonly Metric[]): Promise<void> => {
    for (const { entity } of points) received.add(entity.id)
  }
  const get = async (name: string): Promise<unknown> => {
    now += 1
    most = Math.max(most, now)
    asked.add(name)
    await new Promise(setImmediate)
    now -= 1
    return answer
  }
  const { answered, failures } = await reading(numbered(300), get, { emit })
  expect(most).toBe(4)
  expect(asked.size).toBe(300)
  expect([answered, failures.length]).toEqual([300, 0])
  expect(received.size).toBe(300)
})

test('isolates a kubelet that fails, was removed or answers nonsense', async () => {
  const { answered, failures, refusal } = await reading(numbered(10), async (name) => {
    if (name === 'node3') throw new KubernetesError('it broke', { status: 502 })
    if (name === 'node4') return undefined
    return name === 'node5' ? 'nonsense' : answer
  })
  expect([answered, refusal]).toEqual([7, undefined])
  expect(failures.map(({ node: { name }, reason }) => [name, reason])).toEqual([
    ['node3', 'it broke'],
    ['node4', expect.stringContaining('deleted')],
    ['node5', expect.stringContaining('not a summary')],
  ])
})

test('stops waiting for a kubelet that hangs, earlier if its node is not ready', async () => {
  const nodes = [node('well'), node('hangs'), node('lost', false)]
  const timeouts = { readyMs: 20, notReadyMs: 1, allMs: 60_000 }
  const { answered, failures } = await reading(
    nodes,
    async (name, signal) => (name === 'well' ? answer : hanging(name, signal)),
    {
      timeouts,
    },
  )
  expect(answered).toBe(1)
  expect(Object.fromEntries(failures.map(({ node: { name }, reason }) => [name, reason]))).toEqual({
    hangs: 'its kubelet did not answer within 1 s',
    lost: 'the node is not ready, and its kubelet did not answer within 1 s',
  })
})

test('reads kubelets last that are likely to hang', async () => {
  const asked: string[] = []
  const nodes = [node('lost-again', false), node('lost', false), node('hung'), ...numbered(8)]
  const get = async (name: string): Promise<unknown> => {
    asked.push(name)
    return answer
  }
  await reading(nodes, get, { failedBefore: new Set(['uid-hung', 'uid-lost-again']) })
  expect(asked.slice(-3)).toEqual(['hung', 'lost', 'lost-again'])
})

test('limits the time for all kubelets together', async () => {
  const hung = await reading(numbered(6), hanging, { timeouts: { ...patient, allMs: 50 } })
  expect(hung.failures).toHaveLength(6)
  const late = await reading(numbered(6), async () => answer, { timeouts: { ...patient, allMs: 0 } })
  expect(late.failures.map(({ reason }) => reason)).toEqual(
    Array(6).fill('its kubelet was not read: other kubelets took too long'),
  )
})

test('reads no further kubelet after the API server refused one', async () => {
  const asked: string[] = []
  const { refusal, failures } = await reading(numbered(100), async (name, signal) => {
    asked.push(name)
    if (name !== 'node2') return hanging(name, signal)
    throw new KubernetesError('A permission is missing', { status: 403, reason: 'Forbidden', permission })
  })
  expect(refusal).toBe('A permission is missing')
  expect(failures).toEqual([])
  expect(asked).toEqual(['node0', 'node1', 'node2', 'node3'])
})

test('counts refusals of kubelets as a missing permission only if all of them refuse', async () => {
  const refuse = async (): Promise<never> => {
    throw new KubernetesError('forbidden by the kubelet', { status: 403, permission })
  }
  const one = await reading(numbered(5), async (name) => (name === 'node0' ? refuse() : answer))
  expect([one.answered, one.refusal, one.failures.length]).toEqual([4, undefined, 1])
  const all = await reading(numbered(5), refuse)
  expect([all.answered, all.refusal, all.failures.length]).toEqual([0, 'forbidden by the kubelet', 0])
})

test('rejects with the reason of the signal', async () => {
  const stop = new AbortController()
  const running = reading(numbered(5), hanging, { signal: stop.signal })
  stop.abort(new Error('stopping'))
  await expect(running).rejects.toThrow('stopping')
})

test('emits the points of an incomplete answer', async () => {
  const received: string[] = []
  const emit = async (points: readonly Metric[]): Promise<void> => void received.push(...points.map(({ name }) => name))
  function* broken(): Iterable<unknown> {
    yield {}
    throw new SyntaxError('it breaks off')
  }
  const get = async (): Promise<unknown> => ({ ...answer, pods: broken() })
  const { answered, hasEmitted, failures } = await reading(numbered(1), get, { emit })
  expect([answered, hasEmitted]).toEqual([0, true])
  expect(failures).toMatchObject([{ reason: 'it breaks off' }])
  expect(received).toContain('k8s.node.cpu.usage')
})

test('does not count back-pressure against the kubelets', async () => {
  const emit = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 60))
  const { answered } = await reading(numbered(20), async () => answer, { emit, timeouts: { ...patient, allMs: 200 } })
  expect(answered).toBe(20)
})
