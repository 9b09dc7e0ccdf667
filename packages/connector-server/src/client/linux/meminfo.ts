import type { MemoryReading } from '../server-client.ts'
import { kernelNumber } from './kernel-number.ts'

type MemoryInformation = ReadonlyMap<string, number>

/** Cache of ZFS, in bytes. ZFS gives it back to applications down to `minimum`. */
export interface ZfsCache {
  readonly size: number
  readonly minimum: number
}

/**
 * Highest share of the memory that the kernel keeps for itself, which `MemFree` contains and `MemAvailable` does not.
 * Watermarks of usual settings take less than 3 %.
 */
const MAX_RESERVED_SHARE = 0.1

/**
 * Parses `/proc/meminfo`, in bytes by name. Lines without a unit (`HugePages_Total`) are counts. Leaves out impossible
 * numbers, such as negative ones, which the kernel prints as 2^64 minus their amount.
 */
export function parseMemoryInformation(text: string): MemoryInformation {
  const values = new Map<string, number>()
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':')
    if (colon < 0) continue
    const value = kernelNumber(line.slice(colon + 1))
    if (value !== undefined) values.set(line.slice(0, colon), line.endsWith(' kB') ? value * 1024 : value)
  }
  return values
}

/** Parses `/proc/spl/kstat/zfs/arcstats`: lines of a name, a type and a number. */
export function parseZfsCache(text: string): ZfsCache | undefined {
  const number = (name: string): number | undefined =>
    kernelNumber(new RegExp(`^${name}\\s+\\d+\\s+(\\d+)$`, 'm').exec(text)?.[1] ?? '')
  const size = number('size')
  return size === undefined ? undefined : { size, minimum: number('c_min') ?? 0 }
}

/**
 * Maps memory to a reading. Estimates the available memory as the kernel does where `MemAvailable` is missing (kernels
 * before 3.14) or impossible: above the total (containers of LXC), or far below the free memory (a bug of some
 * kernels).
 *
 * @throws Error when `MemTotal` or `MemFree` is missing or impossible.
 */
export function toMemoryReading(information: MemoryInformation, zfs?: ZfsCache): MemoryReading {
  const total = required(information, 'MemTotal')
  const free = required(information, 'MemFree')
  const buffers = information.get('Buffers')
  const pageCache = information.get('Cached')
  const zfsCache = reclaimable(zfs, total - free)
  const cached =
    pageCache === undefined ? undefined : pageCache + (information.get('SReclaimable') ?? 0) + (zfsCache ?? 0)
  const stated = information.get('MemAvailable')
  const isPossible = stated !== undefined && stated <= total && stated >= free - total * MAX_RESERVED_SHARE
  const available = isPossible ? stated : estimateAvailable(information, free)
  return { total, free, buffers, cached, available: available + (zfsCache ?? 0) }
}

/**
 * Adds the free memory, the caches of files and the reclaimable kernel memory. `Cached` contains shared memory, which
 * is not reclaimable, and the lists of file pages contain none.
 */
function estimateAvailable(information: MemoryInformation, free: number): number {
  const number = (name: string): number => information.get(name) ?? 0
  const caches = Math.max(0, number('Buffers') + number('Cached') - number('Shmem'))
  const isListed = information.has('Active(file)') && information.has('Inactive(file)')
  const files = isListed ? Math.min(caches, number('Active(file)') + number('Inactive(file)')) : caches
  return free + files + number('SReclaimable')
}

/** Returns the bytes that ZFS would give back. A cache above the used memory belongs to the host of this container. */
function reclaimable(zfs: ZfsCache | undefined, used: number): number | undefined {
  return zfs === undefined || zfs.size > used ? undefined : Math.max(0, zfs.size - zfs.minimum)
}

function required(information: MemoryInformation, name: string): number {
  const value = information.get(name)
  if (value === undefined) throw new Error(`\`proc/meminfo\` has no line \`${name}\` with a possible number`)
  return value
}
