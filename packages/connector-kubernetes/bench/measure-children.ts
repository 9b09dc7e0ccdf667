import { setTimeout as sleep } from 'node:timers/promises'
import type { ApiServer } from '@rca/rig'
import { type Churned, type ChurnOptions, churnPods } from '@rca/rig/bench'
import type { Measured } from './children.ts'
import type { Reading } from './measured.ts'

/** How long a process may do what is left to do once it is synced, in milliseconds. */
const SETTLING = 5_000

/** How long stalls are looked for, in seconds: longer than from one reading of the kubelets to the next. */
const WATCHING = 34

/** What following a cluster takes. */
export interface FollowCost {
  readonly syncMs: number
  readonly syncCpuMs: number
  readonly syncStallMs: number
  /** Of CPU, for a second in which nothing happens. */
  readonly idleMs: number
  readonly idleStallMs: number
  /** Of CPU, for an update, beside what it takes without. */
  readonly updateMs: number
  /** Of CPU, for a second with updates, all in all. */
  readonly churnMs: number
  readonly churnStallMs: number
  readonly steadyMb: number
  readonly peakMb: number
}

export interface Phases {
  readonly server: ApiServer
  /** How long nothing happens while it is measured, in seconds. */
  readonly idle: number
  readonly churn: ChurnOptions
  /** Called where one phase ends and another begins. */
  onPhase(ended: 'settling' | 'idle' | 'churn', churned?: Churned): void
}

/**
 * Measures processes that are synced: while nothing happens, and while pods change. All at the same time, so that
 * what else this machine does is the same for all. Stalls are looked for apart, since to look costs CPU.
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
