import type { Pod, PodContainer, Resources } from '../resources/pod.ts'
import type { Quantities } from '../resources/quantity.ts'
import { share } from '../resources/share.ts'

const known = new WeakMap<Pod, Resources>()

/**
 * What a pod takes of its node, as the scheduler counts it. What runs at the same time counts together, a sidecar beside the others;
 * init containers run before them, and are left out: the scheduler takes the larger of both. What a pod asks for as a whole stands
 * in place of that sum.
 */
export function demandOf(pod: Pod): Resources {
  const before = known.get(pod)
  if (before !== undefined) return before
  const demand = share(countDemand(pod))
  known.set(pod, demand)
  return demand
}

function countDemand(pod: Pod): Resources {
  const requests: Record<string, number> = {}
  const limits: Record<string, number> = {}
  const isInfeasible = pod.conditions.some(
    ({ type, status, reason }) => type === 'PodResizePending' && status === 'True' && reason === 'Infeasible',
  )
  for (const container of pod.containers) {
    if (container.kind === 'init' || container.kind === 'ephemeral') continue
    addTo(requests, requestsOf(container, isInfeasible))
    addTo(limits, largest([container.resources.limits, container.status?.actual?.limits]))
  }
  const whole = pod.resources
  return { requests: { ...requests, ...whole?.requests }, limits: { ...limits, ...whole?.limits } }
}

/** While a resize waits or is carried out, the largest of what is wanted, agreed to and there; what a node can never give is not kept for it. */
function requestsOf({ resources, status }: PodContainer, isInfeasible: boolean): Quantities {
  const { actual, allocated } = status ?? {}
  if (actual === undefined) return resources.requests
  return largest([isInfeasible ? undefined : resources.requests, allocated, actual.requests])
}

function largest(all: readonly (Quantities | undefined)[]): Quantities {
  const most: Record<string, number> = {}
  for (const quantities of all)
    for (const [name, amount] of Object.entries(quantities ?? {})) most[name] = Math.max(most[name] ?? 0, amount)
  return most
}

function addTo(sum: Record<string, number>, quantities: Quantities): void {
  for (const [name, amount] of Object.entries(quantities)) sum[name] = (sum[name] ?? 0) + amount
}
