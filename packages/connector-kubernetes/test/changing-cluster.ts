import { withChange } from './changed-object.ts'
import type { ClusterServer } from './cluster-server.ts'
import { captured } from './fixtures.ts'
import { podOf, replicaSet, report, START, status, terminated, waiting } from './pods.ts'

/** The time of the changes. */
export const NOW = START

/** Changes in a cluster, in order: of an object by its resource; without an object in its new form, it is deleted. */
type Change = readonly [resource: string, object: object, isRemoved?: 'removed']

const since = '2026-11-25T09:59:00Z'
const running = { running: { startedAt: since } }
const meta = (name: string, more: object = {}) => ({
  metadata: { name, namespace: 'scene', uid: `uid-${name}`, creationTimestamp: since, ...more },
})
const writer = (manager: string, part: string) => ({
  managedFields: [{ manager, operation: 'Update', time: since, fieldsV1: { [part]: { 'f:key': {} } } }],
})

/** Objects that exist before the changes, beside the captured ones. */
const BEFORE: readonly Change[] = [
  ['namespaces', { metadata: { name: 'shop', uid: 'uid-shop', creationTimestamp: '2026-11-25T01:00:00Z' } }],
  ['replicasets', replicaSet],
  ['configmaps', meta('web', writer('helm', 'f:data'))],
  ['secrets', meta('keys', writer('helm', 'f:data'))],
  ['pods', podOf(status(0, running))],
]

function nodeChanges(): Change[] {
  const node = withChange(captured('node'), ['spec', 'unschedulable'], undefined)
  const info = (node.status as { readonly nodeInfo: object }).nodeInfo
  const conditions = (...all: readonly (readonly [type: string, status: string])[]) =>
    withChange(
      node,
      ['status', 'conditions'],
      all.map(([type, value]) => ({ type, status: value, reason: 'Test', message: 'm', lastTransitionTime: since })),
    )
  const other = { metadata: { name: 'node-2', uid: 'uid-node-2', creationTimestamp: since } }
  return [
    ['nodes', conditions(['Ready', 'True'], ['DiskPressure', 'False'])],
    ['nodes', other],
    ['nodes', other, 'removed'],
    ['nodes', conditions(['Ready', 'False'], ['DiskPressure', 'True'])],
    ['nodes', conditions(['Ready', 'True'], ['DiskPressure', 'False'])],
    ['nodes', withChange(node, ['spec', 'unschedulable'], true)],
    ['nodes', node],
    ['nodes', withChange(node, ['status', 'nodeInfo'], { ...info, bootID: 'another', kubeletVersion: 'v1.21.0' })],
  ]
}

function serviceChanges(): Change[] {
  const [service, ingress, slice, claim] = [
    captured('service'),
    captured('ingress-v1'),
    captured('endpoint-slice'),
    captured('claim'),
  ]
  const ready = (isReady: boolean) =>
    withChange(slice, ['endpoints'], [{ addresses: ['10.1.0.1'], conditions: { ready: isReady } }])
  const bound = withChange(claim, ['spec', 'volumeName'], 'pv-1')
  const path = ['spec', 'rules', 0, 'http', 'paths', 0, 'path']
  return [
    ['endpointslices', ready(true)],
    ['endpointslices', ready(false)],
    ['services', withChange(service, ['spec', 'type'], 'NodePort')],
    ['services', meta('new-service')],
    ['services', meta('new-service'), 'removed'],
    ['ingresses', withChange(withChange(ingress, path, '/shop'), ['metadata', 'generation'], 2)],
    ['ingresses', meta('new-ingress')],
    ['ingresses', meta('new-ingress'), 'removed'],
    ['persistentvolumeclaims', withChange(claim, ['status', 'phase'], 'Pending')],
    ['persistentvolumeclaims', withChange(bound, ['status', 'phase'], 'Bound')],
    ['persistentvolumeclaims', withChange(bound, ['status', 'phase'], 'Lost')],
  ]
}

function namespaceChanges(): Change[] {
  const created = { metadata: { name: 'new', uid: 'uid-namespace', creationTimestamp: since } }
  const ending = withChange(created, ['metadata', 'deletionTimestamp'], since)
  return [
    ['namespaces', created],
    ['namespaces', ending],
    ['namespaces', ending, 'removed'],
    ['resourcequotas', withChange(captured('quota'), ['spec', 'hard'], { pods: '5' })],
    ['configmaps', meta('new-config', writer('helm', 'f:data'))],
    ['configmaps', meta('new-config', writer('kubectl-edit', 'f:data'))],
    ['configmaps', meta('new-config', writer('kubectl-edit', 'f:data')), 'removed'],
    ['secrets', meta('sh.helm.release.v1.shop.v2', { labels: { owner: 'helm', status: 'deployed' } })],
  ]
}

function workloadChanges(): Change[] {
  const deployment = captured('deployment')
  const all = { observedGeneration: 1, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3 }
  const healthy = withChange(deployment, ['status'], { ...all, conditions: [] })
  const image = ['spec', 'template', 'spec', 'containers', 0, 'image']
  const wanted = withChange(withChange(healthy, ['metadata', 'generation'], 2), image, 'shop/web:2')
  const complete = withChange(wanted, ['status'], { ...all, observedGeneration: 2, conditions: [] })
  const scaled = withChange(withChange(complete, ['spec', 'replicas'], 2), ['metadata', 'generation'], 3)
  const condition = (type: string, value: string, reason: string) => ({
    ...{ type, status: value, reason, message: 'm', lastTransitionTime: since },
  })
  const stuck = [condition('Progressing', 'False', 'ProgressDeadlineExceeded')]
  const autoscaler = captured('autoscaler-v2beta2')
  const scaler = (...conditions: object[]) => withChange(autoscaler, ['status', 'conditions'], conditions)
  const failure = { failed: 4, conditions: [condition('Failed', 'True', 'BackoffLimitExceeded')] }
  return [
    ['deployments', healthy],
    ['deployments', wanted],
    ['deployments', withChange(wanted, ['status'], { ...all, observedGeneration: 2, updatedReplicas: 1 })],
    ['deployments', complete],
    ['deployments', scaled],
    ['deployments', withChange(scaled, ['status', 'availableReplicas'], 0)],
    ['deployments', scaled],
    ['deployments', withChange(scaled, ['status', 'conditions'], stuck)],
    ['deployments', { ...withChange(deployment, ['status'], all), ...meta('new-deployment') }],
    ['deployments', { ...withChange(deployment, ['status'], all), ...meta('new-deployment') }, 'removed'],
    ['jobs', { ...meta('night'), status: failure }],
    ['horizontalpodautoscalers', scaler()],
    ['horizontalpodautoscalers', scaler(condition('ScalingLimited', 'True', 'TooManyReplicas'))],
    ['horizontalpodautoscalers', scaler(condition('ScalingActive', 'False', 'FailedGetResourceMetric'))],
    ['horizontalpodautoscalers', withChange(scaler(), ['spec', 'maxReplicas'], 3)],
  ]
}

function containerChanges(): Change[] {
  const loop = (run: number): Change[] => [
    ['pods', podOf(status(run, running, terminated(run - 1, { from: run * 10, to: run * 10 + 1 })))],
    [
      'pods',
      podOf(status(run, waiting('CrashLoopBackOff'), terminated(run, { from: run * 10 + 5, to: run * 10 + 6 }))),
    ],
  ]
  const other = (name: string, container: object | undefined, parts: Parameters<typeof podOf>[1] = {}): Change => [
    'pods',
    podOf(container, { ...parts, metadata: { name, uid: `uid-${name}`, ...parts.metadata } }),
  ]
  const gate = { type: 'PodScheduled', status: 'False', reason: 'SchedulingGated', lastTransitionTime: since }
  const resources = (cpu: string) => ({ resources: { limits: { cpu, memory: '64Mi' } } })
  return [
    ...[1, 2, 3, 4, 5].flatMap(loop),
    other('pull', status(0, waiting('ImagePullBackOff', 'denied'))),
    other('gated', undefined, {
      spec: { nodeName: undefined, schedulingGates: [{ name: 'wait' }] },
      status: { phase: 'Pending', conditions: [gate] },
    }),
    other('evicted', undefined, {
      status: { phase: 'Failed', reason: 'Evicted', message: 'The node was low on memory.' },
    }),
    other('resized', status(0, running, {}, resources('1'))),
    other('resized', status(0, running, {}, resources('2'))),
  ]
}

function warnings(): Change[] {
  const container = {
    involvedObject: {
      kind: 'Pod',
      namespace: 'shop',
      name: 'web-1-a',
      uid: 'pod-a',
      fieldPath: 'spec.containers{app}',
    },
  }
  const set = { involvedObject: { kind: 'ReplicaSet', namespace: 'shop', name: 'web-1', uid: 'rs-1' } }
  const quota = 'exceeded quota: compute, requested: pods=1, used: pods=10, limited: pods=10'
  return [
    report('FailedScheduling', '0/3 nodes are available: 3 Insufficient cpu.'),
    report('Unhealthy', 'Liveness probe failed: no answer', container),
    report('FailedCreate', `Error creating: pods "web-1-x" is forbidden: ${quota}`, set),
    report('FailedCreate', 'Error creating: admission webhook "policy.example.com" denied the request: no', set),
    report('FailedMount', 'it is not there'),
    report('FailedPreStopHook', 'it failed', container),
  ].map((object, index): Change => {
    const { metadata } = object as { readonly metadata: object }
    return ['events', { ...object, metadata: { ...metadata, name: `event-${index}`, uid: `uid-event-${index}` } }]
  })
}

/** Puts objects into a cluster that change later. */
export function prepare(cluster: ClusterServer): void {
  for (const [resource, object] of BEFORE) cluster.put(resource, object)
}

/** Versions of changed objects. They are those of the first time if something is changed again. */
const FIRST_VERSION = 2_000

/** Changes something of each kind. */
export function change(cluster: ClusterServer): void {
  const all = [nodeChanges(), serviceChanges(), namespaceChanges(), workloadChanges(), containerChanges(), warnings()]
  const versioned = (object: object, index: number): object =>
    withChange(object, ['metadata', 'resourceVersion'], String(FIRST_VERSION + index))
  const changes = all.flat()
  for (const [index, [resource, object, isRemoved]] of changes.entries())
    if (isRemoved === undefined) cluster.put(resource, versioned(object, index))
    else cluster.remove(resource, versioned(object, index))
  // The outage of a Service is reported when it has lasted for a moment.
  const restore = (): void => cluster.put('endpointslices', versioned(captured('endpoint-slice'), changes.length))
  setTimeout(restore, 1_000).unref()
}
