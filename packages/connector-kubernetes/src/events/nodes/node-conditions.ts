import { createEventSampler, type Event, type EventSample, redactSecrets } from '@rca/core/connector'
import { isProblem } from '../../evidence/node-problems.ts'
import type { Cluster } from '../../kinds/index.ts'
import type { Condition } from '../../kinds/metadata.ts'
import type { Node } from '../../kinds/node/node-projection.ts'
import { namedReference } from '../../kinds/references.ts'
import { watchCluster } from '../cluster-watcher.ts'
import { isRecent, timeOrNow } from '../event-time.ts'
import { countAttribute, countSuffix } from '../sample-text.ts'
import { podsOn } from './node-changes.ts'
import { signals } from './signals.ts'

/** Conditions of kubelets about resources that a node is short of. */
const PRESSURE = /Pressure$/

/**
 * Defects that clouds and node problem detectors report: `NetworkUnavailable`, `KernelDeadlock`,
 * `ReadonlyFilesystem`, …
 */
const DEFECT = /(?:Unavailable|Deadlock|Unhealthy|Problem|Failure|Error)$|^(?:Readonly|Corrupt|Frequent)/

/** How long a new node may take to become ready. */
const MAX_START_MS = 120_000

/** Emits nodes that are not ready, or short of a resource, and their recovery. */
export const nodeConditions = watchCluster(({ cluster }, { now, emit, inBackground, signal }) => {
  const sampler = createEventSampler()
  /** Problems that were reported, as `uid/type`, and those that were dropped because they are frequent. */
  const reported = new Set<string>()
  const dropped = new Set<string>()

  const inspect = (node: Node, condition: Condition, old: Condition | undefined): void => {
    const key = `${node.uid}/${condition.type}`
    if (isWatchedProblem(condition)) {
      if (awaitsRoutes(node, condition)) return
      // Another status is another problem: a kubelet that fails may later stop reporting.
      if (old?.status === condition.status) return
      const isReady = condition.type === 'Ready'
      const sample = isReady ? undefined : sampler.sample(key, { at: now() })
      if (!isReady && sample === undefined) dropped.add(key)
      else {
        reported.add(key)
        emit(problemEvent(node, condition, cluster, sample, now()))
      }
    } else if (condition.status !== 'Unknown' && !dropped.delete(key)) {
      // An earlier agent reported problems that are older than this agent.
      if (reported.delete(key) || (old !== undefined && wasReported(node, old)))
        emit(recoveryEvent(node, condition, cluster, now()))
    }
  }
  const inspectInitial = (node: Node): void => {
    const problems = node.conditions.filter(
      (condition) => isWatchedProblem(condition) && isRecent(condition.since, now()) && !isStarting(node, condition),
    )
    // Pods are listed after nodes.
    if (problems.length > 0)
      inBackground(async () => {
        await cluster.listed(signal).catch(() => undefined)
        if (!signal.aborted) for (const condition of problems) inspect(node, condition, undefined)
      })
  }

  const forget = ({ uid, conditions }: Node): void => {
    for (const { type } of conditions) for (const keys of [reported, dropped]) keys.delete(`${uid}/${type}`)
  }

  return (change) => {
    if (change.kind !== 'nodes') return
    if (change.type === 'deleted') return forget(change.old)
    const { object } = change
    if (change.type === 'added') return change.isInitial ? inspectInitial(object) : undefined
    for (const condition of object.conditions)
      if (isWatched(condition))
        inspect(
          object,
          condition,
          change.old.conditions.find(({ type }) => type === condition.type),
        )
  }
})

function isWatched({ type }: Condition): boolean {
  return type === 'Ready' || PRESSURE.test(type) || DEFECT.test(type)
}

function isWatchedProblem(condition: Condition): boolean {
  return isWatched(condition) && isProblem(condition)
}

function wasReported(node: Node, condition: Condition): boolean {
  return isWatchedProblem(condition) && !awaitsRoutes(node, condition)
}

/** A cloud has to set up routes for each new node. Its readiness is reported by the condition `Ready`. */
function awaitsRoutes(node: Node, condition: Condition): boolean {
  return condition.type === 'NetworkUnavailable' && isStarting(node, condition)
}

function isStarting({ created }: Node, { since }: Condition): boolean {
  return Date.parse(since ?? '') - Date.parse(created ?? '') < MAX_START_MS
}

function problemEvent(
  node: Node,
  condition: Condition,
  cluster: Pick<Cluster, 'objects'>,
  sample: EventSample | undefined,
  now: Date,
): Event {
  const { type, status, since, reason } = condition
  const isReady = type === 'Ready'
  const definition = isReady ? signals.nodeNotReady : signals.nodePressure
  const why = reason === undefined ? '' : `: ${reason}`
  const silence = status === 'Unknown' ? ', its kubelet no longer reports' : ''
  return definition.event({
    id: idOf(node, condition),
    at: timeOrNow(since, now),
    severity: DEFECT.test(type) ? 'error' : undefined,
    entity: namedReference('Node', node),
    body: isReady
      ? `Node ${node.name} is not ready${silence}${why}`
      : `Node ${node.name} has ${type}${why}${sample === undefined ? '' : countSuffix(sample)}`,
    attributes: { ...attributesOf(node, condition, cluster), ...(sample && countAttribute(sample)) },
  })
}

function recoveryEvent(node: Node, condition: Condition, cluster: Pick<Cluster, 'objects'>, now: Date): Event {
  const isReady = condition.type === 'Ready'
  const definition = isReady ? signals.nodeReady : signals.nodePressureEnded
  return definition.event({
    id: idOf(node, condition),
    at: timeOrNow(condition.since, now),
    entity: namedReference('Node', node),
    body: isReady ? `Node ${node.name} is ready` : `Node ${node.name} no longer has ${condition.type}`,
    attributes: attributesOf(node, condition, cluster),
  })
}

function idOf({ uid, resourceVersion }: Node, { type, status, since }: Condition): string {
  return `k8s/${uid}/${type}/${status}/${since ?? resourceVersion}`
}

function attributesOf(node: Node, condition: Condition, cluster: Pick<Cluster, 'objects'>) {
  const { type, status, reason, message, since } = condition
  return {
    'k8s.node.name': node.name,
    'k8s.node.pods': podsOn(cluster, node).length,
    'k8s.node.condition.type': type,
    'k8s.node.condition.status': status,
    'k8s.node.condition.reason': reason,
    'k8s.node.condition.message': message === undefined ? undefined : redactSecrets(message),
    'k8s.node.condition.since': since,
    'k8s.node.last_heartbeat': node.lastHeartbeat,
  }
}
