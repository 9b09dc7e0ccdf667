import { join } from 'node:path'
import type { ContainerDetails } from '../engine/engine-api.ts'
import { type CgroupTree, openCgroupTree } from './cgroup-tree.ts'
import { readCgroupV1 } from './cgroup-v1.ts'
import { readCgroupV2 } from './cgroup-v2.ts'
import type { ContainerUsage, NetworkUsage } from './container-usage.ts'
import { filesOf, type ReadFile } from './kernel-files.ts'
import { networkDevicesIn } from './network-devices.ts'
import { sharesNetwork } from './shares-network.ts'

/** Reads a container from the host's control groups. `undefined` where it has none there: it has ended, or runs on another host. */
export interface CgroupReader {
  readonly version: 1 | 2
  read(container: ContainerDetails): ContainerUsage | undefined
}

/** A reader of the host that is mounted at `rootPath`; `undefined` where its control groups cannot be seen. */
export function openCgroupReader(rootPath: string): CgroupReader | undefined {
  const tree = openCgroupTree(rootPath)
  if (tree === undefined) return undefined
  /** A container's folders never change, and looking for them costs more than reading. */
  const readers = new Map<string, ReadGroups>()
  const readerOf = (container: ContainerDetails): ReadGroups | undefined => {
    const known = readers.get(container.id)
    if (known !== undefined) return known
    const folder = tree.folder(container)
    if (folder === undefined) return undefined
    if (readers.size > 10_000) readers.clear()
    const reader = openGroups(tree, folder)
    readers.set(container.id, reader)
    return reader
  }
  return {
    version: tree.version,
    read: (container) => {
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
    const files = filesOf(join(tree.controller(''), folder))
    return () => readCgroupV2(files)
  }
  const controllers = new Map<string, ReadFile>()
  return () =>
    readCgroupV1((name) => {
      const files = controllers.get(name) ?? filesOf(join(tree.controller(name), folder))
      controllers.set(name, files)
      return files
    })
}

/** Counters of the container's own network, where it has one. */
function readNetworks(
  { networkMode, state: { pid } }: ContainerDetails,
  rootPath: string,
): readonly NetworkUsage[] | undefined {
  if (pid === undefined || sharesNetwork(networkMode)) return undefined
  const text = filesOf(rootPath)(`proc/${pid}/net/dev`)
  return text === undefined ? undefined : networkDevicesIn(text)
}
