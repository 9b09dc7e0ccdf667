import { setTimeout as sleep } from 'node:timers/promises'
import type { ApiServer } from '@rca/rig'
import { type Churned, type ChurnOptions, churnPods } from '@rca/rig/bench'
import type { Measured } from './children.ts'
import type { Reading } from './measured.ts'

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
  /** Of CPU, for a second with so many updates, all in all. */
  readonly churnMs: number
  readonly churnStallMs: number
  readonly churned: Churned
  readonly steadyMb: number
  readonly peakMb: number
}

export interface Phases {
  readonly server: ApiServer
  /** How long nothing happens while it is measured, in seconds. */
  readonly idle: number
  readonly churn: ChurnOptions
  /** Called between the phases, with what the one before took. */
  readonly onPhase?: (phase: 'synced' | 'idle' | 'churned') => void
}

/** Measures a process that is synced: while nothing happens, and while pods change. Stalls are looked for apart, since to look costs CPU. */
export async function measureFollowing(child: Measured, { server, idle, churn, onPhase }: Phases): Promise<FollowCost> {
  await sleep(SETTLING)
  onPhase?.('synced')
  const quiet = await during(child, () => sleep(idle * 1000))
  onPhase?.('idle')
  let churned: Churned = { updates: 0, seconds: 0 }
  const busy = await during(child, async () => {
    churned = await churnPods(server, churn)
  })
  onPhase?.('churned')
  const stalls = await watchStalls(child, server, churn.rate)
  const idleMs = quiet.cpuMs / quiet.seconds
  const last = await child.read()
  return {
    syncMs: child.syncMs,
    syncCpuMs: child.synced.cpuMs,
    syncStallMs: longest(child.synced),
    idleMs,
    updateMs: (busy.cpuMs - idleMs * busy.seconds) / churned.updates,
    churnMs: busy.cpuMs / busy.seconds,
    churned,
    ...stalls,
    steadyMb: busy.after.residentMb,
    peakMb: last.peakMb,
  }
}

/** How long a process may do what is left to do once it is synced, in milliseconds. */
const SETTLING = 5_000

/** How long stalls are looked for, in seconds: longer than from one round of collection to the next. */
const WATCHING = 20

async function during(child: Measured, act: () => Promise<unknown>) {
  const before = await child.read()
  const began = performance.now()
  await act()
  const after = await child.read()
  return { cpuMs: after.cpuMs - before.cpuMs, seconds: (performance.now() - began) / 1000, after }
}

async function watchStalls(child: Measured, server: ApiServer, rate: number) {
  await child.watch()
  await sleep(WATCHING * 1000)
  const idleStallMs = longest(await child.read())
  await child.watch()
  await churnPods(server, { rate, seconds: WATCHING })
  return { idleStallMs, churnStallMs: longest(await child.read()) }
}

function longest({ stallsMs }: Reading): number {
  return stallsMs[0] ?? 0
}
