import { setTimeout as sleep } from 'node:timers/promises'
import type { ApiServer } from '@rca/rig'
import { type Churned, type ChurnOptions, churnPods } from '@rca/rig/bench'
import type { Measured } from './children.ts'
import type { Reading } from './measured.ts'

/** How long a process may do what is left to do once it is synced, in milliseconds. */
const SETTLING = 5_000

/** How long stalls are measured, in seconds: longer than the interval in which kubelets are read. */
const WATCHING = 34

/** The cost of watching a cluster. */
export interface FollowCost {
  readonly syncMs: number
  readonly syncCpuMs: number
  readonly syncStallMs: number
  /** CPU time per idle second. */
  readonly idleMs: number
  readonly idleStallMs: number
  /** CPU time per update, in addition to idle time. */
  readonly updateMs: number
  /** CPU time per second with updates, including idle time. */
  readonly churnMs: number
  readonly churnStallMs: number
  readonly steadyMb: number
  readonly peakMb: number
}

export interface Phases {
  readonly server: ApiServer
  /** Duration of the idle phase, in seconds. */
  readonly idle: number
  readonly churn: ChurnOptions
  /** Called between two phases. */
  onPhase(ended: 'settling' | 'idle' | 'churn', churned?: Churned): void
}

/**
 * Measures synced processes while the cluster is idle, and while pods change. Measures all of them at the same time, so
 * that other load of the machine is the same for all. Measures stalls separately, since that costs CPU time.
 */
export async function measureChildren<Name extends string>(
  children: Readonly<Record<Name, Measured>>,
  { server, idle, churn, onPhase }: Phases,
): Promise<Record<Name, FollowCost>> {
  const names = Object.keys(children) as Name[]
  const readAll = async (): Promise<Record<Name, Reading>> =>
    Object.fromEntries(await Promise.all(names.map(async (name) => [name, await children[name].read()])))
  const watchAll = (): Promise<unknown> => Promise.all(names.map((name) => children[name].watch()))
  await sleep(SETTLING)
  onPhase('settling')
  const quiet = { before: await readAll(), after: await sleep(idle * 1000).then(readAll) }
  onPhase('idle')
  const churned = await churnPods(server, churn)
  const busy = { before: quiet.after, after: await readAll() }
  onPhase('churn', churned)
  await watchAll()
  const idleStalls = await sleep(WATCHING * 1000).then(readAll)
  await watchAll()
  await churnPods(server, { rate: churn.rate, seconds: WATCHING })
  const last = await readAll()
  const cost = (name: Name): FollowCost => {
    const { syncMs, synced } = children[name]
    const idleMs = (quiet.after[name].cpuMs - quiet.before[name].cpuMs) / idle
    const busyMs = busy.after[name].cpuMs - busy.before[name].cpuMs
    return {
      syncMs,
      syncCpuMs: synced.cpuMs,
      syncStallMs: longest(synced),
      idleMs,
      idleStallMs: longest(idleStalls[name]),
      updateMs: (busyMs - idleMs * churned.seconds) / churned.updates,
      churnMs: busyMs / churned.seconds,
      churnStallMs: longest(last[name]),
      steadyMb: busy.after[name].residentMb,
      peakMb: last[name].peakMb,
    }
  }
  return Object.fromEntries(names.map((name) => [name, cost(name)])) as Record<Name, FollowCost>
}

function longest({ stallsMs }: Reading): number {
  return stallsMs[0] ?? 0
}
