import type { ApiServer } from '../api-server.ts'
import { connectToApi } from './api-connection.ts'
import { createNode, nodeName } from './cluster-nodes.ts'
import { type Copy, uidOf, writeCopies } from './etcd-copies.ts'
import { modeOf, PLACEHOLDERS } from './pod-shapes.ts'
import { createWorkload, type Prototype, prototypePod, type Workload } from './prototype-workload.ts'

const MAX_CONNECTIONS = 16

const VARIANTS = 10

const NAMESPACES = ['prod', 'staging', 'batch'] as const

/** Number of objects of `seedApiServer`. */
export interface SeedOptions {
  /** @default 5000 */
  readonly pods?: number
  /** @default 200 */
  readonly nodes?: number
  /** Each with a ReplicaSet, a Service, an EndpointSlice and a ConfigMap. @default 500 */
  readonly deployments?: number
  /** @default 2000 */
  readonly events?: number
}

/**
 * Fills an API server like a cluster of this size: objects have the defaults, status and `managedFields` of real
 * ones. Nodes and one workload per variant are created through the API; all other objects are copies in etcd. The
 * workloads of the prototypes stay, without pods.
 */
export async function seedApiServer(server: ApiServer, options: SeedOptions = {}): Promise<void> {
  const { pods = 5_000, nodes = 200, deployments = 500, events = 2_000 } = options
  const address = { url: server.url, ca: server.ca, token: server.tokenOf('admin') }
  const api = connectToApi(address, MAX_CONNECTIONS)
  try {
    for (const name of NAMESPACES) await api.post('/api/v1/namespaces', { metadata: { name } }, 'kubectl')
    const [workloads] = await Promise.all([
      Promise.all(Array.from({ length: VARIANTS }, (_, variant) => createWorkload(api, variant))),
      ...Array.from({ length: nodes }, (_, index) => createNode(api, index)),
    ])
    const plan = { workloads, nodes, deployments }
    await writeCopies(server.etcdUrl, copyWorkloads(plan))
    await writeCopies(server.etcdUrl, copyPods(plan, pods))
    await writeCopies(server.etcdUrl, copyEvents(plan, events))
    for (const { namespace } of workloads)
      for (const plural of ['pods', 'events'])
        await api.remove(`/api/v1/namespaces/${namespace}/${plural}?gracePeriodSeconds=0`)
  } finally {
    api.close()
  }
}

interface Plan {
  readonly workloads: readonly Workload[]
  readonly nodes: number
  readonly deployments: number
}

/** Returns a workload of the plan, with the texts that replace the placeholders of its prototypes. */
function workloadAt({ workloads, deployments }: Plan, index: number) {
  const number = index % deployments
  const workload = workloads[number % workloads.length]
  if (workload === undefined) throw new Error('the plan has no workload to copy')
  const name = `svc-${String(number).padStart(4, '0')}`
  const hash = uidOf(`hash of ${name}`).replace(/\W/g, '').slice(0, 10)
  const namespace = NAMESPACES[number % 10 < 6 ? 0 : number % 10 < 9 ? 1 : 2]
  const texts = [
    [`"${workload.namespace}"`, `"${namespace}"`],
    [workload.deployment.uid, uidOf(`deployment ${name}`)],
    [workload.replicaSet.uid, uidOf(`replicaset ${name}`)],
    [PLACEHOLDERS.app, name],
    [PLACEHOLDERS.variable, name.toUpperCase().replace('-', '_')],
    [PLACEHOLDERS.hash, hash],
    [PLACEHOLDERS.started, new Date(Date.UTC(2026, 0, 1) + index * 977_000).toISOString().replace('.000', '')],
  ] as const
  return { workload, name, hash, namespace, texts }
}

function* copyWorkloads(plan: Plan): Generator<Copy> {
  for (let index = 0; index < plan.deployments; index += 1) {
    const { workload, name, hash, namespace, texts } = workloadAt(plan, index)
    const copy = (kind: Copy['kind'], { text, uid }: Prototype, of = name): Copy => {
      const own = [uid, uidOf(`${kind} ${of}`)] as const
      return { kind, namespace, name: of, prototype: text, texts: [...texts, own] }
    }
    yield copy('deployments', workload.deployment)
    yield copy('replicasets', workload.replicaSet, `${name}-${hash}`)
    yield copy('services', workload.service)
    yield copy('endpointslices', workload.endpointSlice)
    yield copy('configmaps', workload.configMap)
  }
}

function* copyPods(plan: Plan, count: number): Generator<Copy> {
  for (let index = 0; index < count; index += 1) {
    const { workload, name, hash, namespace, texts } = workloadAt(plan, index)
    const mode = modeOf(index)
    const { text, uid } = workload.pods[mode]
    const own = `${name}-${hash}-${uidOf(`pod ${index}`).slice(0, 5)}`
    const id = uidOf(own)
    const more = [
      [`${prototypePod(mode)}`, own],
      [uid, id],
      [PLACEHOLDERS.id, id.replaceAll('-', '')],
      [PLACEHOLDERS.node, nodeName(index % plan.nodes)],
      [PLACEHOLDERS.ip, `10.${128 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`],
    ] as const
    yield { kind: 'pods', namespace, name: own, prototype: text, texts: [...more, ...texts] }
  }
}

function* copyEvents(plan: Plan, count: number): Generator<Copy> {
  for (let index = 0; index < count; index += 1) {
    const { workload, name, namespace, texts } = workloadAt(plan, index * 7)
    const own = `${name}.${(0x16a000000000 + index).toString(16)}`
    const more = [
      [`"name":"${PLACEHOLDERS.app}"`, `"name":"${own}"`],
      [workload.event.uid, uidOf(own)],
      [PLACEHOLDERS.node, nodeName(index % plan.nodes)],
    ] as const
    yield { kind: 'events', namespace, name: own, prototype: workload.event.text, texts: [...more, ...texts] }
  }
}
