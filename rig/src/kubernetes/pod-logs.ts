import { existsSync, lstatSync, readdirSync, readlinkSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** Where a kubelet links the logs of containers, by pod and by container. No flag moves it. */
const PODS = '/var/log/pods'
const CONTAINERS = '/var/log/containers'

/** Removes the links to an engine's logs, and folders that are empty then; those above all unless another cluster `needsThem`. */
export function removePodLogs(engineFolder: string, needsThem: boolean): void {
  removeLinks(PODS, (target) => target.startsWith(`${engineFolder}/`))
  removeLinks(CONTAINERS, (target) => target.startsWith(`${PODS}/`) && !existsSync(target))
  if (!needsThem) for (const folder of [PODS, CONTAINERS]) removeEmpty(folder)
}

function removeLinks(folder: string, isOurs: (target: string) => boolean): void {
  if (!existsSync(folder)) return
  for (const name of readdirSync(folder)) {
    const place = join(folder, name)
    const kind = lstatSync(place)
    if (kind.isSymbolicLink() && isOurs(readlinkSync(place))) rmSync(place)
    if (!kind.isDirectory()) continue
    removeLinks(place, isOurs)
    removeEmpty(place)
  }
}

function removeEmpty(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder)
}
