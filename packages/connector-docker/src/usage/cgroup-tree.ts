import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { ContainerDetails } from '../engine/engine-api.ts'
import { filesOf } from './kernel-files.ts'

/** Where the host keeps its control groups, as this process sees it. */
export interface CgroupTree {
  readonly version: 1 | 2
  /** The folder of a container below a controller (version 1) or the root (version 2), `undefined` where it is not found. */
  folder(container: ContainerDetails): string | undefined
  /** The folder of a controller, or the tree's root. */
  controller(name: string): string
}

/** The tree below `<rootPath>/sys/fs/cgroup`, `undefined` where there is none. */
export function openCgroupTree(rootPath: string): CgroupTree | undefined {
  const root = join(rootPath, 'sys/fs/cgroup')
  const version = existsSync(join(root, 'cgroup.controllers')) ? 2 : existsSync(join(root, 'memory')) ? 1 : undefined
  if (version === undefined) return undefined
  const controller = (name: string): string => (version === 2 ? root : join(root, name))
  const isThere = (folder: string): boolean => existsSync(join(controller('memory'), folder))
  return {
    version,
    controller,
    folder: (container) => candidates(container).find(isThere) ?? folderOfProcess(container, rootPath, isThere),
  }
}

/** Where engines put containers: with the driver `cgroupfs`, and with `systemd` in a slice; Podman names its scopes otherwise. */
function candidates({ id, cgroupParent = '' }: ContainerDetails): string[] {
  const slice = cgroupParent.endsWith('.slice') ? slicePath(cgroupParent) : 'system.slice'
  const parent = cgroupParent === '' || cgroupParent.endsWith('.slice') ? 'docker' : cgroupParent
  return [join(parent, id), join(slice, `docker-${id}.scope`), join('machine.slice', `libpod-${id}.scope`)]
}

/** `a-b.slice` lies in `a.slice` (systemd.slice(5)). */
function slicePath(slice: string): string {
  const parts = slice.replace(/\.slice$/, '').split('-')
  return parts.map((_part, index) => `${parts.slice(0, index + 1).join('-')}.slice`).join('/')
}

/** What the kernel says of the container's first process: for engines that put containers elsewhere. */
function folderOfProcess(
  { state: { pid }, id }: ContainerDetails,
  rootPath: string,
  isThere: (folder: string) => boolean,
): string | undefined {
  if (pid === undefined) return undefined
  const lines = filesOf(join(rootPath, 'proc', String(pid)))('cgroup') ?? ''
  return [...lines.matchAll(/^\d+:([^:]*):(\/.+)$/gm)]
    .filter(([, controllers = '']) => controllers === '' || controllers.split(',').includes('memory'))
    .map(([, , folder = '']) => folder.slice(1))
    .find((folder) => folder.includes(id) && isThere(folder))
}
