import {
  type Collector,
  type Entity,
  type EntityReference,
  hostId,
  inTimeSlices,
  type Metric,
  type NameFilter,
} from '@rca/core/connector'
import type { KubernetesClient } from '../../kubernetes-client.ts'
import { signals } from '../../signals.ts'
import { rememberedNews } from '../delta-filter.ts'
import { commonAttributes, labelFilter } from '../describe-object.ts'
import { seen } from '../kind-collector.ts'
import type { Pod } from '../pod/pod.ts'
import { isOver } from '../pod/pod-attributes.ts'
import { demandOf } from '../pod/pod-demand.ts'
import type { Node } from './node.ts'

/** What the pods of a node ask for. */
interface Asked {
  pods: number
  cpuRequested: number
  memoryRequested: number
  cpuLimited: number
  memoryLimited: number
}

/** Every node, its conditions, what it can give and what of that is asked for, and the machine below it. */
export const nodes: Collector<KubernetesClient> = {
  interval: '30s',
  timeout: '60s',
  async collect(client, context) {
    const found = await seen(client, 'nodes', context.signal)
    const asked = client.cluster.sight('pods')?.isCurrent === true ? await askedByNode(client) : undefined
    const isWantedLabel = labelFilter(client.config.object_labels)
    const entities: Entity[] = []
    const metrics: (Metric | undefined)[] = []
    const news = rememberedNews(context, found.isCurrent)
    for (const node of found.objects.values()) {
      const described = describe(node, isWantedLabel, client.entity)
      entities.push(...described)
      if (found.isCurrent) metrics.push(...news.points(node, measure(node, described[0], asked)))
    }
    news.keepOnly(found.objects)
    return { entities, metrics, gaps: found.gaps }
  },
}

const described = new WeakMap<Node, readonly [Entity, ...Entity[]]>()

function describe(node: Node, isWantedLabel: NameFilter, cluster: EntityReference): readonly [Entity, ...Entity[]] {
  const before = described.get(node)
  if (before !== undefined) return before
  const host = node.machineId === undefined ? undefined : signals.host.reference(hostId(node.machineId))
  const entity = signals.node.entity({
    id: node.name,
    name: node.name,
    attributes: {
      ...commonAttributes('node', node, isWantedLabel),
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
  const all: readonly [Entity, ...Entity[]] = host === undefined ? [entity] : [entity, hostEntity(host, node)]
  described.set(node, all)
  return all
}

function hostEntity({ id }: EntityReference, { name }: Node): Entity {
  return signals.host.entity({ id, name, attributes: { 'host.name': name, 'host.id': id } })
}

function measure(node: Node, entity: Entity, asked: ReadonlyMap<string, Asked> | undefined): (Metric | undefined)[] {
  const { allocatable, conditions, name } = node
  const sum = asked === undefined ? undefined : (asked.get(name) ?? nothing())
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

async function askedByNode({ cluster }: KubernetesClient): Promise<ReadonlyMap<string, Asked>> {
  const byNode = new Map<string, Asked>()
  for await (const some of inTimeSlices([...cluster.objects('pods').values()]))
    for (const pod of some) {
      if (pod.node === undefined || isOver(pod)) continue
      const sum = byNode.get(pod.node) ?? nothing()
      byNode.set(pod.node, sum)
      add(sum, pod)
    }
  return byNode
}

function add(sum: Asked, pod: Pod): void {
  const { requests, limits } = demandOf(pod)
  sum.pods += 1
  sum.cpuRequested += requests.cpu ?? 0
  sum.memoryRequested += requests.memory ?? 0
  sum.cpuLimited += limits.cpu ?? 0
  sum.memoryLimited += limits.memory ?? 0
}

function nothing(): Asked {
  return { pods: 0, cpuRequested: 0, memoryRequested: 0, cpuLimited: 0, memoryLimited: 0 }
}
