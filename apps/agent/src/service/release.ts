import {
  closeSync,
  cpSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Layout } from './layout.ts'
import type { Machine } from './machine.ts'
import { ServiceError } from './service-error.ts'

/** An unpacked archive. */
export interface Release {
  /** Path for this process. */
  readonly folder: string
  readonly version: string
}

/** Finds the archive that this process runs from. @throws {ServiceError} if it runs from elsewhere */
export function findRelease(runtime: string = process.execPath): Release {
  const folder = dirname(dirname(realpathSync(runtime)))
  try {
    return { folder, version: readFileSync(join(folder, 'VERSION'), 'utf8').trim() }
  } catch {
    throw new ServiceError(
      'usage',
      'this rca-agent is not part of an archive, and only such a one can be installed as a service. Use the command that the platform shows',
    )
  }
}

/** Returns the prefix of the installation that this process runs from, `undefined` if it runs from elsewhere. */
export function ownPrefix(runtime: string = process.execPath): string | undefined {
  const versions = dirname(dirname(dirname(realpathSync(runtime))))
  return basename(versions) === 'versions' ? dirname(versions) : undefined
}

/** Returns the name of the current version's folder, `undefined` before the first installation. */
export function currentRelease(machine: Machine, layout: Layout): string | undefined {
  try {
    return basename(readlinkSync(machine.path(layout.current)))
  } catch {
    return undefined
  }
}

/** Returns the name that the folder of a release has, or gets, below the folder of versions. */
export function releaseName(machine: Machine, layout: Layout, release: Release): string {
  const versions = machine.path(layout.versions)
  return dirname(release.folder) === realpathOf(versions) ? basename(release.folder) : release.version
}

/** Copies a release below the folder of versions, unless it is there. */
export function placeRelease(machine: Machine, layout: Layout, { folder, version }: Release): void {
  const versions = machine.path(layout.versions)
  if (dirname(folder) === realpathOf(versions)) return
  const partial = machine.path(`${layout.prefix}/.partial.${process.pid}`)
  const target = join(versions, version)
  try {
    mkdirSync(versions, { recursive: true })
    cpSync(folder, partial, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
    rmSync(target, { recursive: true, force: true })
    renameSync(partial, target)
  } catch (error) {
    rmSync(partial, { recursive: true, force: true })
    throw error
  }
}

/** Makes a version current. It is written to the disk first, so that a power failure leaves a version that runs. */
export function switchRelease(machine: Machine, layout: Layout, name: string): void {
  syncTree(machine.path(`${layout.versions}/${name}`))
  const link = machine.path(layout.current)
  const temporary = `${link}.new`
  rmSync(temporary, { force: true })
  symlinkSync(`versions/${name}`, temporary)
  renameSync(temporary, link)
  syncFile(machine.path(layout.prefix))
}

/** Removes a release that was placed below the folder of versions and did not become the current one. */
export function discardRelease(machine: Machine, layout: Layout, release: Release): void {
  const name = releaseName(machine, layout, release)
  if (currentRelease(machine, layout) !== name)
    rmSync(machine.path(`${layout.versions}/${name}`), { recursive: true, force: true })
}

/** Removes every version except those. */
export function pruneReleases(machine: Machine, layout: Layout, kept: readonly (string | undefined)[]): void {
  const versions = machine.path(layout.versions)
  for (const name of existsSync(versions) ? readdirSync(versions) : [])
    if (!kept.includes(name)) rmSync(join(versions, name), { recursive: true, force: true })
}

function realpathOf(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}

function syncTree(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) syncTree(path)
    else if (entry.isFile()) syncFile(path)
  }
  syncFile(folder)
}

/** Writes a file, or the entries of a folder, from the kernel's cache to the disk. */
export function syncFile(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
