import { intern } from '../intern.ts'
import type { Quantities } from '../quantity.ts'
import type { Pod, PodContainer, Resources } from './pod-projection.ts'

const known = new WeakMap<Pod, Resources>()

/**
 * Returns the resources that a pod takes of its node, as the scheduler counts. Containers and sidecars run at the
 * same time; before them, each init container runs with the sidecars that precede it. The larger sum counts, even
 * after the init containers completed. Resources of the pod as a whole replace the sum, and the overhead of the
 * runtime class is added.
 */
export function demandOf(pod: Pod): Resources {
  const before = known.get(pod)
  if (before !== undefined) return before
  const demand = intern(countDemand(pod))
  known.set(pod, demand)
  return demand
}

function countDemand(pod: Pod): Resources {
  const requests = atOnce(pod, (container) => requestsOf(container, pod.isResizeInfeasible))
  const limits = atOnce(pod, ({ resources, status }) => {
    const actual = status?.actual?.limits
    return pod.isResizeInfeasible && actual !== undefined ? actual : largest([resources.limits, actual])
  })
  const whole = {
    requests: { ...requests, ...pod.resources?.requests },
    limits: { ...limits, ...pod.resources?.limits },
  }
  const { overhead } = pod
  if (overhead === undefined) return whole
  const limited = Object.entries(overhead).filter(([name]) => whole.limits[name] !== undefined)
  return { requests: sum(whole.requests, overhead), limits: sum(whole.limits, Object.fromEntries(limited)) }
}

/** Returns the maximum that containers of a pod need at the same time. They start in order. */
function atOnce({ containers }: Pod, of: (container: PodContainer) => Quantities): Quantities {
  let running: Quantities = {}
  let starting: Quantities = {}
  for (const container of containers) {
    if (container.kind === 'ephemeral') continue
    if (container.kind === 'init') starting = largest([starting, sum(running, of(container))])
    else running = sum(running, of(container))
  }
  return largest([running, starting])
}

/**
 * During a resize, the largest of the desired, accepted and current requests counts. An infeasible request does not
 * count.
 */
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

function sum(one: Quantities, other: Quantities): Quantities {
  const both: Record<string, number> = { ...one }
  for (const [name, amount] of Object.entries(other)) both[name] = (both[name] ?? 0) + amount
  return both
}
