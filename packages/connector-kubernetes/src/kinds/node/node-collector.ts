import {
  type Collector,
  type Entity,
  type EntityReference,
  entity,
  hostId,
  inTimeSlices,
  type Metric,
  metric,
  type NameFilter,
} from '@rca/core/connector'
import { common, commonAttributes, labelFilter, upDownCounter } from '../common-signals.ts'
import { storedDeltaFilter } from '../delta-filter.ts'
import { cachedObjects, type Entities, KIND_TIMEOUT, type KindClient, type KindSource } from '../kind-collector.ts'
import { isOver } from '../pod/pod-attributes.ts'
import { demandOf } from '../pod/pod-demand.ts'
import type { Pod } from '../pod/pod-projection.ts'
import type { Node } from './node-projection.ts'

export const nodeSignals = {
  node: entity({
    type: 'k8s.node',
    description: 'A node.',
    attributes: {
      ...common('node'),
      'k8s.node.unschedulable': 'Whether the node is cordoned: no new pods are scheduled on it.',
      'k8s.node.conditions': 'Conditions that are true, such as `Ready` or `MemoryPressure`.',
      'k8s.node.taints': 'Taints, as `key=value:effect`.',
      'k8s.node.addresses': 'Addresses, as `type:address`.',
      'k8s.node.cpu.capacity': 'CPUs of the node; pods may use fewer.',
      'k8s.node.memory.capacity': 'Memory of the node; pods may use less. Bytes.',
      'k8s.node.ephemeral_storage.capacity': 'Local storage of the node; pods may use less. Bytes.',
      'k8s.node.pod.capacity': 'Maximum number of pods.',
      'k8s.node.kubelet_version': 'Version of the kubelet.',
      'k8s.node.provider_id': 'Name of the machine at the cloud provider.',
      'container.runtime': 'Container runtime and its version.',
      'host.arch': 'CPU architecture.',
      'os.type': '`linux` or `windows`.',
      'os.description': 'Name and version of the operating system.',
      'k8s.node.kernel_version': 'Kernel release.',
    },
    relations: { part_of: 'The cluster.', runs_on: 'The host, with the ID of the server connector.' },
  }),
  host: entity({
    type: 'host',
    description: 'The host of a node, with the same ID as in the server connector.',
    attributes: { 'host.name': 'Name of the node.', 'host.id': 'Hash of the machine ID.' },
  }),
  nodeCondition: metric({
    name: 'k8s.node.condition',
    unit: '1',
    kind: 'gauge',
    description: 'Status of a node condition: 1 `True`, 0 `False`, -1 `Unknown`.',
    attributes: { 'k8s.node.condition.type': 'Condition, such as `Ready` or `MemoryPressure`.' },
  }),
  nodeCpuAllocatable: upDownCounter('k8s.node.cpu.allocatable', '{cpu}', 'CPUs of a node that pods may use.'),
  nodeMemoryAllocatable: upDownCounter('k8s.node.memory.allocatable', 'By', 'Memory of a node that pods may use.'),
  nodeStorageAllocatable: upDownCounter(
    'k8s.node.ephemeral_storage.allocatable',
    'By',
    'Local storage of a node that pods may use.',
  ),
  nodePodAllocatable: upDownCounter('k8s.node.pod.allocatable', '{pod}', 'Maximum number of pods on a node.'),
  nodePods: upDownCounter('k8s.node.pod.count', '{pod}', 'Pods on a node that have not ended.'),
  nodeCpuRequested: upDownCounter(
    'k8s.node.cpu.requested',
    '{cpu}',
    'Sum of the CPU requests on a node, as the scheduler counts.',
  ),
  nodeMemoryRequested: upDownCounter(
    'k8s.node.memory.requested',
    'By',
    'Sum of the memory requests on a node, as the scheduler counts.',
  ),
  nodeCpuLimited: upDownCounter('k8s.node.cpu.limited', '{cpu}', 'Sum of the CPU limits on a node.'),
  nodeMemoryLimited: upDownCounter('k8s.node.memory.limited', 'By', 'Sum of the memory limits on a node.'),
}

const signals = nodeSignals

type NodeSource = KindSource<'nodes', Node> & KindSource<'pods', Pod>

/** Reports every node with its host, conditions, allocatable resources and the demand of its pods. */
export const nodes: Collector<KindClient<NodeSource>> = {
  interval: '30s',
  timeout: KIND_TIMEOUT,
  async collect(client, context) {
    const { cluster } = client
    const found = await cachedObjects<'nodes', Node>(cluster, 'nodes', context.signal, signals.node.type)
    const demand = cluster.syncStatus('pods')?.isCurrent === true ? await demandByNode(cluster) : undefined
    const allowsLabel = labelFilter(client.config.object_labels)
    const entities: Entity[] = []
    const metrics: (Metric | undefined)[] = []
    const filter = storedDeltaFilter(context, found.isCurrent)
    for (const node of found.objects.values()) {
      const described = describe(node, allowsLabel, client.entity)
      entities.push(...described)
      if (found.isCurrent) metrics.push(...filter.changedPoints(node, measure(node, described[0], demand)))
    }
    filter.retain(found.objects)
    return { entities, metrics, gaps: found.gaps, unread: found.unread }
  },
}

const described = new WeakMap<Node, Entities>()

function describe(node: Node, allowsLabel: NameFilter, cluster: EntityReference): Entities {
  const before = described.get(node)
  if (before !== undefined) return before
  const host = node.machineId === undefined ? undefined : signals.host.reference(hostId(node.machineId))
  const entity = signals.node.entity({
    id: node.name,
    name: node.name,
    attributes: {
      ...commonAttributes('node', node, allowsLabel),
      'k8s.node.unschedulable': node.isUnschedulable,
      'k8s.node.conditions': node.conditions.filter(({ status }) => status === 'True').map(({ type }) => type),
      'k8s.node.taints': node.taints.map(
        ({ key, value, effect }) => `${key}${value === undefined ? '' : `=${value}`}:${effect}`,
      ),
      'k8s.node.addresses': Object.entries(node.addresses).flatMap(([type, all]) => all.map((one) => `${type}:${one}`)),
      'k8s.node.cpu.capacity': node.capacity.cpu,
      'k8s.node.memory.capacity': node.capacity.memory,
      'k8s.node.ephemeral_storage.capacity': node.capacity['ephemeral-storage'],
      'k8s.node.pod.capacity': node.capacity.pods,
      'k8s.node.kubelet_version': node.kubeletVersion,
      'k8s.node.provider_id': node.providerId,
      'k8s.node.kernel_version': node.kernelVersion,
      'container.runtime': node.runtimeVersion,
      'host.arch': node.architecture,
      'os.type': node.operatingSystem,
      'os.description': node.osImage,
    },
    relations: [
      { type: 'part_of', target: cluster },
      ...(host === undefined ? [] : [{ type: 'runs_on' as const, target: host }]),
    ],
  })
  const all: Entities = host === undefined ? [entity] : [entity, hostEntity(host, node)]
  described.set(node, all)
  return all
}

function hostEntity({ id }: EntityReference, { name }: Node): Entity {
  return signals.host.entity({ id, name, attributes: { 'host.name': name, 'host.id': id } })
}

function measure(node: Node, entity: EntityReference, demand: ReadonlyMap<string, Demand> | undefined) {
  const { allocatable, conditions, name } = node
  const sum = demand === undefined ? undefined : (demand.get(name) ?? noDemand())
  return [
    signals.nodeCpuAllocatable.point(allocatable.cpu, entity),
    signals.nodeMemoryAllocatable.point(allocatable.memory, entity),
    signals.nodeStorageAllocatable.point(allocatable['ephemeral-storage'], entity),
    signals.nodePodAllocatable.point(allocatable.pods, entity),
    signals.nodePods.point(sum?.pods, entity),
    signals.nodeCpuRequested.point(sum?.cpuRequested, entity),
    signals.nodeMemoryRequested.point(sum?.memoryRequested, entity),
    signals.nodeCpuLimited.point(sum?.cpuLimited, entity),
    signals.nodeMemoryLimited.point(sum?.memoryLimited, entity),
    ...conditions.map(({ type, status }) =>
      signals.nodeCondition.point(status === 'True' ? 1 : status === 'False' ? 0 : -1, entity, {
        'k8s.node.condition.type': type,
      }),
    ),
  ]
}

async function demandByNode(cluster: KindSource<'pods', Pod>): Promise<ReadonlyMap<string, Demand>> {
  const byNode = new Map<string, Demand>()
  for await (const slice of inTimeSlices([...cluster.objects('pods').values()]))
    for (const pod of slice) {
      if (pod.node === undefined || isOver(pod)) continue
      const sum = byNode.get(pod.node) ?? noDemand()
      byNode.set(pod.node, sum)
      add(sum, pod)
    }
  return byNode
}

function add(sum: Demand, pod: Pod): void {
  const { requests, limits } = demandOf(pod)
  sum.pods += 1
  sum.cpuRequested += requests.cpu ?? 0
  sum.memoryRequested += requests.memory ?? 0
  sum.cpuLimited += limits.cpu ?? 0
  sum.memoryLimited += limits.memory ?? 0
}

type Demand = ReturnType<typeof noDemand>

/** Returns the sums over the pods of a node, for a node without pods. */
function noDemand() {
  return { pods: 0, cpuRequested: 0, memoryRequested: 0, cpuLimited: 0, memoryLimited: 0 }
}
