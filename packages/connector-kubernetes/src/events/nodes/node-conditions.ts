import { createEventSampler, type Event, type EventSample, redactSecrets } from '@rca/core/connector'
import { isProblem } from '../../evidence/node-problems.ts'
import type { Cluster } from '../../kinds/index.ts'
import type { Condition } from '../../kinds/metadata.ts'
import type { Node } from '../../kinds/node/node-projection.ts'
import { watchCluster } from '../cluster-watcher.ts'
import { isRecent, occurrence, timeOrNow } from '../occurrence.ts'
import { countAttribute, countSuffix } from '../sample-text.ts'
import { podsOn } from './node-changes.ts'
import { signals } from './signals.ts'

/** Conditions of kubelets about resources that a node is short of. */
const PRESSURE = /Pressure$/

/** Defects that clouds and node problem detectors report, such as `NetworkUnavailable` or `KernelDeadlock`. */
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
      const wasReported = old !== undefined && isWatchedProblem(old) && !awaitsRoutes(node, old)
      if (reported.delete(key) || wasReported) emit(recoveryEvent(node, condition, cluster, now()))
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
    for (const condition of object.conditions.filter(isWatched)) {
      const old = change.old.conditions.find(({ type }) => type === condition.type)
      inspect(object, condition, old)
    }
  }
})

function isWatched({ type }: Condition): boolean {
  return type === 'Ready' || PRESSURE.test(type) || DEFECT.test(type)
}

function isWatchedProblem(condition: Condition): boolean {
  return isWatched(condition) && isProblem(condition)
}

/** A cloud has to set up routes for each new node. Its readiness is reported by the condition `Ready`. */
function awaitsRoutes(node: Node, condition: Condition): boolean {
  return condition.type === 'NetworkUnavailable' && isStarting(node, condition)
}

function isStarting({ created }: Node, { since }: Condition): boolean {
  return Date.parse(since ?? '') - Date.parse(created ?? '') < MAX_START_MS
}

/** @param sample of a condition other than readiness */
function problemEvent(
  node: Node,
  condition: Condition,
  cluster: Cluster,
  sample: EventSample | undefined,
  now: Date,
): Event {
  const { type, status, reason } = condition
  const why = reason === undefined ? '' : `: ${reason}`
  const silence = status === 'Unknown' ? ', its kubelet no longer reports' : ''
  if (sample === undefined)
    return signals.nodeNotReady.event({
      ...conditionOccurrence(node, condition, now, `is not ready${silence}${why}`),
      attributes: attributesOf(node, condition, cluster),
    })
  return signals.nodePressure.event({
    ...conditionOccurrence(node, condition, now, `has ${type}${why}${countSuffix(sample)}`),
    severity: DEFECT.test(type) ? 'error' : undefined,
    attributes: { ...attributesOf(node, condition, cluster), ...countAttribute(sample) },
  })
}

function recoveryEvent(node: Node, condition: Condition, cluster: Cluster, now: Date): Event {
  const isReady = condition.type === 'Ready'
  const definition = isReady ? signals.nodeReady : signals.nodePressureEnded
  return definition.event({
    ...conditionOccurrence(node, condition, now, isReady ? 'is ready' : `no longer has ${condition.type}`),
    attributes: attributesOf(node, condition, cluster),
  })
}

function conditionOccurrence(node: Node, { type, status, since }: Condition, now: Date, what: string) {
  return occurrence('Node', node, {
    id: `${type}/${status}/${since ?? node.resourceVersion}`,
    at: timeOrNow(since, now),
    what,
  })
}

function attributesOf(node: Node, condition: Condition, cluster: Cluster) {
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
