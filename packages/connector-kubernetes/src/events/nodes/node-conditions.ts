import { type Event, redactSecrets } from '@rca/core/connector'
import { isProblem } from '../../evidence/node-problems.ts'
import type { Cluster } from '../../kinds/index.ts'
import type { Condition } from '../../kinds/metadata.ts'
import type { Node } from '../../kinds/node/node.ts'
import { namedReference } from '../../kinds/references.ts'
import { signals } from '../../signals.ts'
import { isRecent, momentOf } from '../event-time.ts'
import { following } from '../follower.ts'
import { countAttribute, createRepetitions, timesOver } from '../repetitions.ts'
import { podsOn } from './node-changes.ts'

/** What a node is short of, as its kubelet says. */
const PRESSURE = /Pressure$/

/** Defects, as clouds and node problem detectors call them: `NetworkUnavailable`, `KernelDeadlock`, `ReadonlyFilesystem`, … */
const DEFECT = /(?:Unavailable|Deadlock|Unhealthy|Problem|Failure|Error)$|^(?:Readonly|Corrupt|Frequent)/

/** A new node is not ready for so long, in milliseconds, without anything being wrong. */
const BEGINNING = 120_000

/** Nodes that are not ready, or short of something, and when that ends. */
export const nodeConditions = following(({ cluster }, { now, tell, later, signal }) => {
  const repetitions = createRepetitions()
  /** Conditions that are told to hold, as `uid/type`, and those that hold so often that they are not. */
  const told = new Set<string>()
  const untold = new Set<string>()

  const take = (node: Node, condition: Condition, old: Condition | undefined): void => {
    const key = `${node.uid}/${condition.type}`
    if (isTrouble(condition)) {
      if (isWithoutRoutesYet(node, condition)) return
      // Another status is another trouble: a kubelet that is ill may then be silent.
      if (old?.status === condition.status) return
      const count = condition.type === 'Ready' ? 1 : repetitions.count(key, now())
      if (count === undefined) untold.add(key)
      else {
        told.add(key)
        tell(troubled(node, condition, cluster, count, now()))
      }
    } else if (condition.status !== 'Unknown' && !untold.delete(key)) {
      // One that held before the agent came was told by another.
      if (told.delete(key) || (old !== undefined && isToldByAnother(node, old)))
        tell(recovered(node, condition, cluster, now()))
    }
  }
  const takeInitial = (node: Node): void => {
    const troubles = node.conditions.filter(
      (condition) => isTrouble(condition) && isRecent(condition.since, now()) && !isBeginning(node, condition),
    )
    // Its pods are listed after it.
    if (troubles.length > 0)
      later(async () => {
        await cluster.listed(signal).catch(() => undefined)
        if (!signal.aborted) for (const condition of troubles) take(node, condition, undefined)
      })
  }

  const forget = ({ uid, conditions }: Node): void => {
    for (const { type } of conditions) for (const keys of [told, untold]) keys.delete(`${uid}/${type}`)
  }

  return (change) => {
    if (change.kind !== 'nodes') return
    if (change.type === 'deleted') return forget(change.old)
    const { object } = change
    if (change.type === 'added') return change.isInitial ? takeInitial(object) : undefined
    for (const condition of object.conditions)
      if (isLookedAt(condition))
        take(
          object,
          condition,
          change.old.conditions.find(({ type }) => type === condition.type),
        )
  }
})

function isLookedAt({ type }: Condition): boolean {
  return type === 'Ready' || PRESSURE.test(type) || DEFECT.test(type)
}

function isTrouble(condition: Condition): boolean {
  return isLookedAt(condition) && isProblem(condition)
}

function isToldByAnother(node: Node, condition: Condition): boolean {
  return isTrouble(condition) && !isWithoutRoutesYet(node, condition)
}

/** A cloud has to find routes for each new node. That its kubelet is ready at last is told. */
function isWithoutRoutesYet(node: Node, condition: Condition): boolean {
  return condition.type === 'NetworkUnavailable' && isBeginning(node, condition)
}

function isBeginning({ created }: Node, { since }: Condition): boolean {
  return Date.parse(since ?? '') - Date.parse(created ?? '') < BEGINNING
}

function troubled(
  node: Node,
  condition: Condition,
  cluster: Pick<Cluster, 'objects'>,
  count: number,
  now: Date,
): Event {
  const { type, status, since, reason } = condition
  const isReady = type === 'Ready'
  const definition = isReady ? signals.nodeNotReady : signals.nodePressure
  const why = reason === undefined ? '' : `: ${reason}`
  const silent = status === 'Unknown' ? ', its kubelet is not heard of' : ''
  return definition.event({
    id: idOf(node, condition),
    at: momentOf(since, now),
    severity: DEFECT.test(type) ? 'error' : undefined,
    entity: namedReference('Node', node),
    body: isReady
      ? `Node ${node.name} is not ready${silent}${why}`
      : `Node ${node.name} has ${type}${why}${timesOver(count)}`,
    attributes: { ...attributesOf(node, condition, cluster), ...(isReady ? {} : countAttribute(count)) },
  })
}

function recovered(node: Node, condition: Condition, cluster: Pick<Cluster, 'objects'>, now: Date): Event {
  const isReady = condition.type === 'Ready'
  const definition = isReady ? signals.nodeReady : signals.nodePressureEnded
  return definition.event({
    id: idOf(node, condition),
    at: momentOf(condition.since, now),
    entity: namedReference('Node', node),
    body: isReady ? `Node ${node.name} is ready` : `Node ${node.name} has no ${condition.type} any more`,
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
