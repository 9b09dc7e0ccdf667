import { readdirSync } from 'node:fs'
import type { ServiceProcess } from '../server-client.ts'
import type { KernelUnits } from './kernel-units.ts'
import { isMissingFile, type RootReader } from './root-reader.ts'

/** Parent of the threads of the kernel. */
const KERNEL_PARENT = 2

/** Number of reads after which a process keeps its name: it may run another program at first. */
const SETTLED_READS = 3

/** Control groups of containers, whose processes other connectors report. */
const CONTAINER_GROUP = /(?:docker|containerd|kubepods|libpod|crio|lxc|buildkit)[^/\n]*\/?([0-9a-f]{12,})?/

interface Known {
  readonly process: ServiceProcess
  readonly parent: number
  readonly hasTerminal: boolean
  readonly isInContainer: boolean
  readonly reads: number
}

/**
 * Creates a reader of processes that may be services: without a terminal, outside of containers, and with a parent of
 * another name, which leaves out the workers of a service. Reads a process until it is settled, and not after that. The
 * reader returns the same list while no process comes or ends.
 */
export function createServiceProcessReader(
  reader: RootReader,
  { ticksPerSecond }: KernelUnits,
): () => readonly ServiceProcess[] {
  let known = new Map<number, Known>()
  let lastNames: string | undefined
  let services: readonly ServiceProcess[] = []
  const ownContainer = containerOf(reader, 1)

  const read = (pid: number, before: Known | undefined): Known | undefined => {
    const text = textOf(reader, `proc/${pid}/stat`)
    if (text === undefined) return undefined
    const close = text.lastIndexOf(')')
    // The fields after the name begin with the third. proc_pid_stat(5)
    const fields = text.slice(close + 2).split(' ')
    const startedAt = Number(fields[19]) / ticksPerSecond
    const parent = Number(fields[1])
    const isSame = before?.process.startedAt === startedAt
    const group = isSame ? undefined : (textOf(reader, `proc/${pid}/cgroup`) ?? '')
    return {
      process: {
        pid,
        name: text.slice(text.indexOf('(') + 1, close),
        startedAt,
        isDaemon: parent === 1,
        isOfUnit: group === undefined ? (before?.process.isOfUnit ?? false) : /\.service(?:\/|$)/m.test(group),
        isSettled: false,
      },
      parent,
      hasTerminal: Number(fields[4]) !== 0,
      isInContainer: group === undefined ? (before?.isInContainer ?? false) : containerIn(group) !== ownContainer,
      reads: isSame ? before.reads + 1 : 1,
    }
  }

  return () => {
    const names = readdirSync(reader.resolve('proc'))
    const joinedNames = names.join()
    if (joinedNames === lastNames) return services
    let isEachSettled = true
    const next = new Map<number, Known>()
    for (const name of names) {
      if (!/^\d+$/.test(name)) continue
      const pid = Number(name)
      const before = known.get(pid)
      const current = before !== undefined && before.reads >= SETTLED_READS ? before : read(pid, before)
      if (current === undefined) continue
      const isSettled = current.reads >= SETTLED_READS
      if (!isSettled) isEachSettled = false
      next.set(
        pid,
        isSettled === current.process.isSettled ? current : { ...current, process: { ...current.process, isSettled } },
      )
    }
    known = next
    lastNames = isEachSettled ? joinedNames : undefined
    services = [...known.values()].flatMap(({ process, parent, hasTerminal, isInContainer }) => {
      const isOfKernel = parent === KERNEL_PARENT || (parent === 0 && process.pid === KERNEL_PARENT)
      const isWorker = known.get(parent)?.process.name === process.name
      return isOfKernel || isWorker || hasTerminal || isInContainer || process.pid === 1 ? [] : [process]
    })
    return services
  }
}

function containerOf(reader: RootReader, pid: number): string {
  return containerIn(textOf(reader, `proc/${pid}/cgroup`) ?? '')
}

/** Returns a text that is equal for processes of a container, and empty outside of all. */
function containerIn(group: string): string {
  const [found = '', id = ''] = CONTAINER_GROUP.exec(group) ?? []
  return id || found
}

/** Returns `undefined` if the process has ended, or this user may not read it. */
function textOf(reader: RootReader, file: string): string | undefined {
  try {
    return reader.optionalText(file)
  } catch (error) {
    if (isMissingFile(error) || /^(?:EACCES|EPERM|ESRCH)$/.test(String((error as NodeJS.ErrnoException).code)))
      return undefined
    throw error
  }
}
