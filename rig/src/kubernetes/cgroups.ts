import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from '../run.ts'

const ROOT = '/sys/fs/cgroup'

/** Hierarchy of version 2, without controllers. A kubelet creates its groups there by itself. */
const UNIFIED = 'unified'

/** Returns true if this machine has control groups of version 1, which Kubernetes 1.20 needs. */
export function hasControllers(): boolean {
  return existsSync(join(ROOT, 'memory/cgroup.procs')) && existsSync(join(ROOT, 'cpuset/cgroup.procs'))
}

/** Creates a control group below every controller. */
export function makeCgroup(name: string): void {
  for (const controller of hierarchies())
    if (controller !== UNIFIED) mkdirSync(join(ROOT, controller, name), { recursive: true })
  for (const file of ['cpuset.cpus', 'cpuset.mems'])
    writeFileSync(join(ROOT, 'cpuset', name, file), readFileSync(join(ROOT, 'cpuset', file)))
}

/** Kills all processes in a control group and in those below it, and removes the groups. */
export async function removeCgroup(name: string): Promise<void> {
  for (const controller of hierarchies()) {
    const folder = join(ROOT, controller, name)
    const isRemoved = (): boolean => {
      if (!existsSync(folder)) return true
      for (const group of [...groupsBelow(folder), folder]) emptyAndRemove(group)
      return !existsSync(folder)
    }
    await eventually(isRemoved, { timeout: 60_000, interval: 50 })
  }
}

function emptyAndRemove(folder: string): void {
  try {
    const pids = readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)
    for (const pid of pids) process.kill(Number(pid), 'SIGKILL')
    rmdirSync(folder)
  } catch {
    // Its processes are still ending.
  }
}

/** Returns the groups below a directory, deepest first. */
function groupsBelow(folder: string): string[] {
  const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return folders.flatMap(({ name }) => [...groupsBelow(join(folder, name)), join(folder, name)])
}

function hierarchies(): string[] {
  return readdirSync(ROOT).filter((name) => existsSync(join(ROOT, name, 'cgroup.procs')))
}
