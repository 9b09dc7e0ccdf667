import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const ROOT = '/sys/fs/cgroup'

/** The one of version 2, without controllers. A kubelet makes groups there by itself. */
const UNIFIED = 'unified'

/** Whether this machine has control groups of version 1, which is what Kubernetes 1.20 can use here. */
export function hasControllers(): boolean {
  return existsSync(join(ROOT, 'memory/cgroup.procs')) && existsSync(join(ROOT, 'cpuset/cgroup.procs'))
}

/** Makes a control group below every controller. */
export function makeCgroup(name: string): void {
  for (const controller of hierarchies())
    if (controller !== UNIFIED) mkdirSync(join(ROOT, controller, name), { recursive: true })
  for (const file of ['cpuset.cpus', 'cpuset.mems'])
    writeFileSync(join(ROOT, 'cpuset', name, file), readFileSync(join(ROOT, 'cpuset', file)))
}

/** Ends what is left in a control group and in those below it, and removes them. */
export async function removeCgroup(name: string): Promise<void> {
  for (const controller of hierarchies()) {
    const folder = join(ROOT, controller, name)
    for (let attempts = 0; existsSync(folder) && attempts < 100; attempts++) {
      if (attempts > 0) await sleep(50)
      for (const group of [...groupsBelow(folder), folder]) emptyAndRemove(group)
    }
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

/** The deepest first. */
function groupsBelow(folder: string): string[] {
  const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return folders.flatMap(({ name }) => [...groupsBelow(join(folder, name)), join(folder, name)])
}

function hierarchies(): string[] {
  return readdirSync(ROOT).filter((name) => existsSync(join(ROOT, name, 'cgroup.procs')))
}
