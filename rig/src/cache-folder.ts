import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** Returns a directory for results that take minutes, which outlive a checkout: below `RCA_RIG_CACHE`. */
export function cacheFolder(name: string): string {
  return resolve(process.env.RCA_RIG_CACHE ?? join(homedir(), '.cache/rca-rig'), name)
}
