import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { withChange } from '../../../test/changed-object.ts'
import { captured } from '../../../test/fixtures.ts'
import { followedCluster } from '../../../test/followed-cluster.ts'
import { watchDeclared } from '../../../test/watch-declared.ts'
import { stuckDeletions } from './stuck-deletions.ts'

const MINUTE = 60_000
const namespace = captured('stuck-namespace')
const pod = captured('stuck-pod')
const { uid } = pod.metadata as { readonly uid: string }
/** Deletion time of the captured objects. */
const { deletionTimestamp: dueAt } = pod.metadata as { readonly deletionTimestamp: string }
const due = Date.parse(dueAt)

function scene() {
  const cluster = followedCluster()
  return { cluster, begin: () => watchDeclared(cluster, stuckDeletions, () => new Date()).events }
}

/** The node of the captured pod, as its kubelet, or what misses it, says that it is. */
function node(ready: object): object {
  return { metadata: { name: 'node1', uid: 'n' }, status: { conditions: [{ type: 'Ready', ...ready }] } }
}

const well = node({ status: 'True' })

/** A pod or a claim that is being deleted. */
function ending(raw: object, finalizers?: readonly string[]): object {
  return withChange(withChange(raw, ['metadata', 'deletionTimestamp'], dueAt), ['metadata', 'finalizers'], finalizers)
}

beforeEach(() => {
  vi.useFakeTimers({ now: due })
})
afterEach(() => {
  vi.useRealTimers()
})

test('reports a pod once, a minute after its grace period', () => {
  const { cluster, begin } = scene()
  cluster.put('nodes', well)
  const events = begin()
  cluster.put('pods', pod)
  vi.advanceTimersByTime(MINUTE - 1)
  expect(events).toEqual([])
  vi.advanceTimersByTime(20_000)
  cluster.put('pods', withChange(pod, ['metadata', 'labels'], { another: 'change' }))
  vi.advanceTimersByTime(30 * MINUTE)
  expect(events).toMatchObject([
    {
      id: `k8s/${uid}/deletion-stuck`,
      name: 'k8s.deletion.stuck',
      at: new Date(due + MINUTE).toISOString(),
      severity: 'warning',
      entity: { type: 'k8s.pod', id: uid },
      body: `Pod stuck/web should have been deleted by ${dueAt}, and still exists: finalizer example.test/drain`,
      attributes: {
        'k8s.namespace.name': 'stuck',
        'k8s.object.kind': 'Pod',
        'k8s.object.name': 'web',
        'k8s.node.name': 'node1',
        'k8s.deletion.finalizers': ['example.test/drain'],
        'k8s.deletion.waits_for': ['finalizer example.test/drain'],
      },
    },
  ])
  expect(vi.getTimerCount()).toBe(0)
})

test('takes a shortened grace period of a pod into account, and no other change', () => {
  const { cluster, begin } = scene()
  const events = begin()
  const until = (time: number) =>
    withChange(pod, ['metadata', 'deletionTimestamp'], new Date(time).toISOString().replace('.000Z', 'Z'))
  cluster.put('pods', until(due + 60 * MINUTE))
  vi.advanceTimersByTime(5 * MINUTE)
  cluster.put('pods', until(due + 6 * MINUTE))
  vi.advanceTimersByTime(MINUTE + 30_000)
  cluster.put('pods', withChange(until(due + 6 * MINUTE), ['metadata', 'labels'], { another: 'change' }))
  expect(events).toEqual([])
  vi.advanceTimersByTime(MINUTE)
  expect(events).toMatchObject([
    {
      at: new Date(due + 7 * MINUTE).toISOString(),
      attributes: { 'k8s.deletion.due_at': new Date(due + 6 * MINUTE).toISOString().replace('.000Z', 'Z') },
    },
  ])
})

test('reports a pod whose grace period was shortened to a past time a minute later', () => {
  const { cluster, begin } = scene()
  const events = begin()
  cluster.put('pods', withChange(pod, ['metadata', 'deletionTimestamp'], new Date(due + 60 * MINUTE).toISOString()))
  vi.advanceTimersByTime(5 * MINUTE)
  cluster.put('pods', pod)
  vi.advanceTimersByTime(2 * MINUTE)
  expect(events).toMatchObject([{ at: new Date(due + 6 * MINUTE).toISOString() }])
})

describe('a stuck pod whose last status shows a running container', () => {
  const state = { running: { startedAt: dueAt } }
  const running = withChange(ending(pod), ['status', 'containerStatuses', 0, 'state'], state)

  function waitsFor(found: object | undefined, isSeen = true) {
    const { cluster, begin } = scene()
    if (!isSeen) Object.assign(cluster.client.cluster, { syncStatus: () => undefined })
    if (found !== undefined) cluster.put('nodes', found)
    cluster.put('pods', running)
    const events = begin()
    vi.advanceTimersByTime(2 * MINUTE)
    expect(events).toHaveLength(1)
    return events[0]?.attributes['k8s.deletion.waits_for']
  }

  test('waits for the container', () => {
    expect(waitsFor(well)).toEqual(['container app runs'])
  })

  test.each([
    ['Unknown', 'NodeStatusUnknown', 'Kubelet stopped.'],
    ['False', 'KubeletNotReady', 'PLEG is not healthy'],
  ])(
    'waits for its node that is not ready, which is %s, and whether the container runs is not known',
    (status, reason, message) => {
      const problem = `node node1 has Ready=${status} (${reason}): ${message}`
      expect(waitsFor(node({ status, reason, message }))).toEqual([problem])
    },
  )

  test('waits for its deleted node, and the state of the container is unknown', () => {
    expect(waitsFor(undefined)).toEqual(['node node1 does not exist'])
  })

  test('waits for the container if nodes cannot be watched, and no node counts as deleted', () => {
    expect(waitsFor(undefined, false)).toEqual(['container app runs'])
  })
})

test('a stuck pod without a node waits for no node', () => {
  const { cluster, begin } = scene()
  cluster.put('pods', withChange(ending(pod, ['example.test/drain']), ['spec', 'nodeName'], undefined))
  const events = begin()
  vi.advanceTimersByTime(2 * MINUTE)
  expect(events).toMatchObject([{ attributes: { 'k8s.deletion.waits_for': ['finalizer example.test/drain'] } }])
})

test('reports a namespace with its remaining content after five minutes', () => {
  const { cluster, begin } = scene()
  cluster.put('namespaces', namespace)
  const events = begin()
  vi.advanceTimersByTime(5 * MINUTE - 1)
  expect(events).toEqual([])
  vi.advanceTimersByTime(10_001)
  expect(events).toMatchObject([
    {
      entity: { type: 'k8s.namespace', id: 'stuck' },
      attributes: {
        'k8s.deletion.waits_for': [
          'NamespaceContentRemaining: Some resources are remaining: configmaps. has 1 resource instances, pods. has 1 resource instances',
          'NamespaceFinalizersRemaining: Some content in the namespace has finalizers remaining: example.test/backup in 1 resource instances, example.test/drain in 1 resource instances',
        ],
      },
    },
  ])
})

describe('a stuck namespace that contains a pod with a long grace period', () => {
  const ends = due + 30 * MINUTE
  const inTime = withChange(pod, ['metadata', 'deletionTimestamp'], new Date(ends).toISOString())

  function begun() {
    const { cluster, begin } = scene()
    cluster.put('namespaces', namespace)
    cluster.put('pods', inTime)
    const events = begin()
    const reported = () => events.filter(({ attributes }) => attributes['k8s.object.kind'] === 'Namespace')
    return { cluster, reported }
  }

  test('is reported five minutes after the grace period', () => {
    const { reported } = begun()
    vi.advanceTimersByTime(35 * MINUTE - 1)
    expect(reported()).toEqual([])
    vi.advanceTimersByTime(10_001)
    expect(reported()).toMatchObject([{ at: new Date(ends + 5 * MINUTE).toISOString() }])
  })

  test('is reported five minutes after an early end of the pod', () => {
    const { cluster, reported } = begun()
    vi.advanceTimersByTime(20 * MINUTE)
    cluster.remove('pods', inTime)
    vi.advanceTimersByTime(5 * MINUTE)
    expect(reported()).toEqual([])
    vi.advanceTimersByTime(20_000)
    expect(reported()).toHaveLength(1)
  })

  test('is reported earlier if the grace period is shortened', () => {
    const { cluster, reported } = begun()
    vi.advanceTimersByTime(10 * MINUTE)
    cluster.put('pods', pod)
    vi.advanceTimersByTime(5 * MINUTE)
    expect(reported()).toEqual([])
    vi.advanceTimersByTime(20_000)
    expect(reported()).toHaveLength(1)
  })

  test('does not wait for pods of other namespaces', () => {
    const { cluster, begin } = scene()
    cluster.put('namespaces', namespace)
    cluster.put('pods', withChange(inTime, ['metadata', 'namespace'], 'elsewhere'))
    const events = begin()
    vi.advanceTimersByTime(6 * MINUTE)
    expect(events).toHaveLength(1)
  })
})

test('counts from the deletion if the agent starts later, with the same id', () => {
  const { cluster, begin } = scene()
  cluster.put('nodes', well)
  cluster.put('pods', pod)
  cluster.put('namespaces', namespace)
  const events = begin()
  vi.advanceTimersByTime(3 * MINUTE)
  expect(events).toHaveLength(1)
  const later = begin()
  vi.advanceTimersByTime(10_000)
  expect(later).toMatchObject([{ id: events[0]?.id, at: events[0]?.at }])
  // The namespace is overdue five minutes after its deletion.
  vi.advanceTimersByTime(2 * MINUTE)
  expect(later.map(({ attributes }) => attributes['k8s.object.kind'])).toEqual(['Pod', 'Namespace'])
})

test('reports the finalizer in the specification of a namespace', () => {
  const { cluster, begin } = scene()
  const emptied = withChange(namespace, ['status', 'conditions'], [])
  cluster.put('namespaces', withChange(emptied, ['spec', 'finalizers'], ['kubernetes', 'example.test/tenant']))
  const events = begin()
  vi.advanceTimersByTime(6 * MINUTE)
  expect(events).toMatchObject([
    {
      body: expect.stringMatching(/ and still exists: finalizer example\.test\/tenant$/),
      attributes: {
        'k8s.deletion.finalizers': ['example.test/tenant'],
        'k8s.deletion.waits_for': ['finalizer example.test/tenant'],
      },
    },
  ])
})

test('removes secrets from the conditions of a namespace', () => {
  const { cluster, begin } = scene()
  const message = 'failed to call "https://hook.example.test/delete?key=canary": refused'
  const conditions = [{ type: 'NamespaceDeletionContentFailure', status: 'True', message }]
  cluster.put('namespaces', withChange(namespace, ['status', 'conditions'], conditions))
  const events = begin()
  vi.advanceTimersByTime(6 * MINUTE)
  expect(events[0]?.body).toContain(
    'NamespaceDeletionContentFailure: failed to call "https://hook.example.test/delete": refused',
  )
  expect(JSON.stringify(events)).not.toContain('canary')
})

describe('a stuck claim', () => {
  const claim = captured('claim')
  const { name, namespace: place } = claim.metadata as { readonly name: string; readonly namespace: string }
  const mounting = [{ name: 'd', persistentVolumeClaim: { claimName: name } }]

  /** A pod that uses the claim. */
  function user(called: string, change: (raw: object) => object = (raw) => raw): object {
    const metadata = { name: called, namespace: place, uid: `uid-of-${called}` }
    return change(withChange(withChange(captured('pod'), ['metadata'], metadata), ['spec', 'volumes'], mounting))
  }

  function waitsOf(raw: object, ...users: readonly object[]) {
    const { cluster, begin } = scene()
    for (const one of users) cluster.put('pods', one)
    cluster.put('persistentVolumeClaims', raw)
    const events = begin()
    vi.advanceTimersByTime(6 * MINUTE)
    return events.map(({ attributes }) => attributes['k8s.deletion.waits_for'])
  }

  const protection = 'kubernetes.io/pvc-protection'

  test('names the pods that use it: finished ones, but not those without a node', () => {
    const users = [
      user('running'),
      user('finished', (raw) => withChange(raw, ['status', 'phase'], 'Succeeded')),
      user('failed', (raw) => withChange(raw, ['status', 'phase'], 'Failed')),
      user('pending', (raw) => withChange(raw, ['spec', 'nodeName'], undefined)),
      user('elsewhere', (raw) => withChange(raw, ['metadata', 'namespace'], 'elsewhere')),
    ]
    expect(waitsOf(ending(claim, [protection]), ...users)).toEqual([
      [`finalizer ${protection}`, 'pod running uses it', 'pod finished uses it', 'pod failed uses it'],
    ])
  })

  test('waits for no pod if it is not protected', () => {
    expect(waitsOf(ending(claim, ['example.test/backup']), user('running'))).toEqual([
      ['finalizer example.test/backup'],
    ])
  })

  test('is reported five minutes after the grace period of a pod that uses it', () => {
    const grace = (raw: object, minutes: number) =>
      withChange(raw, ['metadata', 'deletionTimestamp'], new Date(due + minutes * MINUTE).toISOString())
    const { cluster, begin } = scene()
    cluster.put('pods', grace(user('slow'), 20))
    cluster.put('pods', withChange(grace(user('slower'), 60), ['spec', 'volumes'], []))
    cluster.put('persistentVolumeClaims', ending(claim, [protection]))
    const events = begin()
    const reported = () => events.filter(({ attributes }) => attributes['k8s.object.kind'] === 'PersistentVolumeClaim')
    vi.advanceTimersByTime(25 * MINUTE - 1)
    expect(reported()).toEqual([])
    vi.advanceTimersByTime(10_001)
    expect(reported()).toMatchObject([
      {
        at: new Date(due + 25 * MINUTE).toISOString(),
        attributes: { 'k8s.deletion.waits_for': [`finalizer ${protection}`, 'pod slow uses it'] },
      },
    ])
  })

  test('that was made for a pod waits until the kubelet has shut the pod down', () => {
    const volumes = [{ name: 'd', ephemeral: {} }]
    const owners = [{ kind: 'Pod', apiVersion: 'v1', name: 'web', uid: 'uid-of-web', controller: true }]
    const named = withChange(withChange(claim, ['metadata', 'name'], 'web-d'), ['metadata', 'ownerReferences'], owners)
    const shutting = (seconds: number) =>
      user('web', (raw) => {
        const deleted = withChange(ending(raw), ['metadata', 'deletionGracePeriodSeconds'], seconds)
        return withChange(withChange(deleted, ['spec', 'volumes'], volumes), ['metadata', 'finalizers'], ['a.test/b'])
      })
    const waits = (seconds: number) => waitsOf(ending(named, [protection]), shutting(seconds))
    expect(waits(30)).toContainEqual([`finalizer ${protection}`, 'pod web uses it'])
    expect(waits(0)).toContainEqual([`finalizer ${protection}`])
  })
})

test('does not report timely deletions, whatever the clock of the server shows', () => {
  const { cluster, begin } = scene()
  const events = begin()
  cluster.listed()
  vi.setSystemTime(due + 60 * MINUTE)
  cluster.put('pods', pod)
  cluster.put('namespaces', namespace)
  vi.advanceTimersByTime(50_000)
  cluster.remove('pods', pod)
  cluster.remove('namespaces', namespace)
  vi.advanceTimersByTime(60 * MINUTE)
  expect(events).toEqual([])
  expect(vi.getTimerCount()).toBe(0)
})

describe('stuck deletions are sampled together', () => {
  let uids = 0

  /** So many, each with a uid and a name of its own. */
  function many(count: number, raw: object, namespaceOf: (index: number) => string | undefined): readonly object[] {
    const { metadata } = raw as { readonly metadata: object }
    return Array.from({ length: count }, (_, index) => {
      uids += 1
      const own = { uid: `u-${uids}`, name: `n-${index}`, namespace: namespaceOf(index) }
      return withChange(raw, ['metadata'], { ...metadata, ...own })
    })
  }

  function report(kind: 'pods' | 'namespaces' | 'persistentVolumeClaims', ...raws: readonly object[]) {
    const { cluster, begin } = scene()
    const events = begin()
    for (const raw of raws) cluster.put(kind, raw)
    vi.advanceTimersByTime(6 * MINUTE)
    return events
  }

  const protectedClaim = ending(captured('claim'), ['kubernetes.io/pvc-protection'])
  const inOne = () => 'stuck'
  const inMany = (index: number) => `place-${index % 50}`

  test('with the same finalizers, in one namespace or in many', () => {
    for (const events of [report('pods', ...many(150, pod, inOne)), report('pods', ...many(150, pod, inMany))]) {
      expect(events).toHaveLength(7)
      expect(events.at(-1)).toMatchObject({ attributes: { 'k8s.event.affected': 100 } })
    }
  })

  test('without those with other finalizers', () => {
    const others = many(3, withChange(pod, ['metadata', 'finalizers'], ['example.test/another-one']), inOne)
    expect(report('pods', ...many(20, pod, inOne), ...others)).toHaveLength(8)
  })

  test('on the same deleted node', () => {
    const other = withChange(ending(pod), ['spec', 'nodeName'], 'node2')
    expect(report('pods', ...many(20, ending(pod), inMany), ...many(3, other, inMany))).toHaveLength(8)
  })

  test('within a namespace if there is no common cause', () => {
    expect(report('persistentVolumeClaims', ...many(20, protectedClaim, inOne))).toHaveLength(5)
    expect(report('persistentVolumeClaims', ...many(20, protectedClaim, inMany))).toHaveLength(20)
  })

  test('if namespaces have the same conditions, whatever their names and numbers', () => {
    const saying = (message: (index: number) => string, type: string, count: number) =>
      many(count, namespace, () => undefined).map((raw, index) =>
        withChange(
          raw,
          ['status', 'conditions'],
          [
            { type, status: 'True', message: message(index) },
            { type: 'NamespaceContentRemaining', status: 'True', message: `things-${index}. has 1 resource instances` },
          ],
        ),
      )
    const finalizers = (index: number) => `content has finalizers remaining: a.test/b in ${index} resource instances`
    const failing = (index: number) =>
      `unexpected items still remain in namespace: n-${index} for gvr: /v1, Resource=pods`
    const events = report(
      'namespaces',
      ...saying(finalizers, 'NamespaceFinalizersRemaining', 50),
      ...saying(failing, 'NamespaceDeletionContentFailure', 50),
      ...saying(() => 'content has finalizers remaining: c.test/d in 1 resource instances', 'NamespaceFinalizers', 3),
    )
    expect(events).toHaveLength(15)
  })

  test('if namespaces have no conditions', () => {
    const silent = withChange(namespace, ['status', 'conditions'], [])
    expect(report('namespaces', ...many(20, silent, () => undefined))).toHaveLength(5)
  })
})
