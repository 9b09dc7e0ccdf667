import { dirname, join } from 'node:path'
import type { ContainerDetails } from '../engine/engine-api.ts'
import { type CgroupTree, openCgroupTree } from './cgroup-tree.ts'
import { readCgroupV1 } from './cgroup-v1.ts'
import { readCgroupV2 } from './cgroup-v2.ts'
import { type ContainerUsage, type NetworkUsage, sharesNetwork } from './container-usage.ts'
import { fileReader, parseNumber, type ReadFile } from './kernel-files.ts'
import { createOomKills } from './oom-kills.ts'

const MAX_READERS = 10_000

/** Opens the control groups of the host mounted at `rootPath`. Returns `undefined` when they are not visible. */
export function openCgroupReader(rootPath: string) {
  const tree = openCgroupTree(rootPath)
  if (tree === undefined) return undefined
  // A container's folders never change, and finding them costs more than reading them.
  const readers = new Map<string, ReadGroups>()
  const parents = new Map<string, string>()
  const oomKills =
    tree.version === 2
      ? createOomKills(tree.controller(''), tree.parents({ id: '', cgroupParent: undefined }))
      : undefined
  const readerOf = (container: ContainerDetails): ReadGroups | undefined => {
    const known = readers.get(container.id)
    if (known !== undefined) return known
    const folder = tree.folder(container)
    if (folder === undefined) return undefined
    if (readers.size > MAX_READERS) for (const map of [readers, parents]) map.clear()
    parents.set(container.id, dirname(folder))
    oomKills?.add(dirname(folder))
    const reader = openGroups(tree, folder)
    readers.set(container.id, reader)
    return reader
  }
  return {
    version: tree.version,
    /** Counts OOM kills, which `takeOomKill` assigns. */
    countOomKills: (): void => oomKills?.update(),
    /** Returns whether the kernel has just killed a process of an ended container for its memory. Once per kill. */
    takeOomKill: (container: ContainerDetails): boolean => {
      const parent = parents.get(container.id)
      parents.delete(container.id)
      return oomKills?.take(parent === undefined ? tree.parents(container) : [parent]) ?? false
    },
    /** Returns `undefined` for a container without a control group: it has ended, or runs on another host. */
    read: (container: ContainerDetails): ContainerUsage | undefined => {
      const usage = readerOf(container)?.()
      if (usage === undefined) return undefined
      if (usage.cpu.total === undefined && usage.memory.usage === undefined) {
        readers.delete(container.id)
        return undefined
      }
      return { ...usage, networks: readNetworks(container, rootPath) }
    },
  }
}

type ReadGroups = () => Omit<ContainerUsage, 'networks'>

function openGroups(tree: CgroupTree, folder: string): ReadGroups {
  if (tree.version === 2) {
    const files = fileReader(join(tree.controller(''), folder))
    return () => readCgroupV2(files)
  }
  const controllers = new Map<string, ReadFile>()
  return () =>
    readCgroupV1((name) => {
      const files = controllers.get(name) ?? fileReader(join(tree.controller(name), folder))
      controllers.set(name, files)
      return files
    })
}

/** Reads the counters of the container's network. Returns `undefined` for a shared network. */
function readNetworks(
  { networkMode, state: { pid } }: ContainerDetails,
  rootPath: string,
): readonly NetworkUsage[] | undefined {
  if (pid === undefined || sharesNetwork(networkMode)) return undefined
  const text = fileReader(rootPath)(`proc/${pid}/net/dev`)
  return text === undefined ? undefined : parseNetworkDevices(text)
}

/** Parses `/proc/<pid>/net/dev` (proc(5)). Leaves out the loopback interface. */
export function parseNetworkDevices(text: string): NetworkUsage[] {
  return [...text.matchAll(/^[ \t]*([^:\s]+):[ \t]*(\S.*)$/gm)]
    .filter(([, name]) => name !== 'lo')
    .map(([, name = '', columns = '']) => {
      const values = columns.split(/\s+/).map((column) => parseNumber(column))
      return {
        name,
        bytesReceived: values[0],
        packetsReceived: values[1],
        errorsReceived: values[2],
        droppedReceived: values[3],
        bytesTransmitted: values[8],
        packetsTransmitted: values[9],
        errorsTransmitted: values[10],
        droppedTransmitted: values[11],
      }
    })
}
