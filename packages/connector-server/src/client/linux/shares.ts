import { LOCAL_TYPE } from './filesystem-usage.ts'
import { PSEUDO_TYPES, parseMountInformation } from './mountinfo.ts'
import type { RootReader } from './root-reader.ts'

/** Filesystems in some folders that ask a server or a process, which may not answer. */
export interface Shares {
  /** Paths that lead to them, as the folders are written. */
  readonly mountPoints: readonly string[]
  /** Returns whether a path in one of the folders leads to a share, or to a filesystem of the kernel. */
  has(path: string): boolean
}

/**
 * Finds shares in the table of mounts. Follows links to the folders, and touches no share on the way. A root that is a
 * share counts as local: without it, this process does not run.
 *
 * @param folders absolute paths below the root
 */
export function findShares(reader: RootReader, mountTable: string, folders: readonly string[]): Shares {
  const types = new Map(
    parseMountInformation(reader.text(mountTable, 'latin1'))
      .filter(({ mountPoint }) => mountPoint !== '/')
      .map(({ mountPoint, type }) => [mountPoint, type]),
  )
  const foreign = [...types].filter(([, type]) => !LOCAL_TYPE.test(type)).map(([mountPoint]) => mountPoint)
  const isForeign = (path: string): boolean => foreign.some((mountPoint) => isWithin(path, mountPoint))
  const targets = folders.map((folder) => {
    return { folder, target: `/${reader.follow(folder, (path) => isForeign(`/${path}`))}` }
  })
  const isShare = (path: string): boolean => {
    const mountPoint = foreign.findLast((candidate) => isWithin(path, candidate))
    return mountPoint !== undefined && isShareType(types.get(mountPoint) ?? '')
  }
  const mountPoints = targets.flatMap(({ folder, target }) => [
    ...(isShare(target) ? [folder] : []),
    ...foreign
      .filter((mountPoint) => mountPoint !== target && isWithin(mountPoint, target) && isShare(mountPoint))
      .map((mountPoint) => folder + mountPoint.slice(target.length)),
  ])
  return {
    mountPoints: [...new Set(mountPoints)],
    has: (path) => {
      const place = targets.find(({ folder }) => isWithin(path, folder))
      return place !== undefined && isForeign(place.target + path.slice(place.folder.length))
    },
  }
}

/** Returns whether filesystems of a type ask a server or a process. */
export function isShareType(type: string): boolean {
  return !LOCAL_TYPE.test(type) && !PSEUDO_TYPES.has(type)
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`)
}
