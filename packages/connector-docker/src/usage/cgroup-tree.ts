import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { ContainerDetails } from '../engine/engine-api.ts'
import { fileReader } from './kernel-files.ts'

export type CgroupTree = NonNullable<ReturnType<typeof openCgroupTree>>

/** Opens the host's control groups at `<rootPath>/sys/fs/cgroup`. Returns `undefined` when it does not exist. */
export function openCgroupTree(rootPath: string) {
  const root = join(rootPath, 'sys/fs/cgroup')
  const version = versionOf(root)
  if (version === undefined) return undefined
  const controller = (name: string): string => (version === 2 ? root : join(root, name))
  const exists = (folder: string): boolean => existsSync(join(controller('memory'), folder))
  return {
    version,
    /** Returns the folder of a controller (version 1) or the root (version 2). */
    controller,
    /** Finds the folder of a container below a controller (version 1) or the root (version 2). */
    folder: (container: ContainerDetails): string | undefined =>
      candidates(container).find(exists) ?? folderFromProcess(container, rootPath, exists),
    /** Returns the folders that may be above that of a container, also of an ended one. */
    parents: (container: Pick<ContainerDetails, 'id' | 'cgroupParent'>): string[] =>
      candidates(container).map((folder) => dirname(folder)),
  }
}

function versionOf(root: string): 1 | 2 | undefined {
  if (existsSync(join(root, 'cgroup.controllers'))) return 2
  return existsSync(join(root, 'memory')) ? 1 : undefined
}

/** Returns the usual folders: of the driver `cgroupfs`, of `systemd` in a slice, and of Podman. */
function candidates({ id, cgroupParent = '' }: Pick<ContainerDetails, 'id' | 'cgroupParent'>): string[] {
  const slice = cgroupParent.endsWith('.slice') ? slicePath(cgroupParent) : 'system.slice'
  const parent = cgroupParent === '' || cgroupParent.endsWith('.slice') ? 'docker' : cgroupParent
  return [join(parent, id), join(slice, `docker-${id}.scope`), join('machine.slice', `libpod-${id}.scope`)]
}

/** Expands `a-b.slice` to `a.slice/a-b.slice` (systemd.slice(5)). */
function slicePath(slice: string): string {
  const parts = slice.replace(/\.slice$/, '').split('-')
  return parts.map((_part, index) => `${parts.slice(0, index + 1).join('-')}.slice`).join('/')
}

/** Reads the folder from `/proc/<pid>/cgroup`, for engines that use other folders. */
function folderFromProcess(
  { state: { pid }, id }: ContainerDetails,
  rootPath: string,
  exists: (folder: string) => boolean,
): string | undefined {
  if (pid === undefined) return undefined
  const lines = fileReader(join(rootPath, 'proc', String(pid)))('cgroup') ?? ''
  return [...lines.matchAll(/^\d+:([^:]*):(\/.+)$/gm)]
    .filter(([, controllers = '']) => controllers === '' || controllers.split(',').includes('memory'))
    .map(([, , folder = '']) => folder.slice(1))
    .find((folder) => folder.includes(id) && exists(folder))
}
