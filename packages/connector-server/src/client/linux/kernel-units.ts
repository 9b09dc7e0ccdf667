import { readFileSync } from 'node:fs'

/** What the numbers of `/proc/<pid>/stat` are counted in. */
export interface KernelUnits {
  /** `USER_HZ` */
  readonly ticksPerSecond: number
  readonly pageBytes: number
}

/** Types of the auxiliary vector. getauxval(3) */
const AT_PAGESZ = 6n
const AT_CLKTCK = 17n

/** Asks the kernel that runs this process: also for a host that is mounted elsewhere, it is the same one. */
export function readKernelUnits(): KernelUnits {
  try {
    return parseKernelUnits(readFileSync('/proc/self/auxv'))
  } catch {
    return parseKernelUnits(Buffer.alloc(0))
  }
}

/** Reads the auxiliary vector of a 64-bit process. What it does not say is taken to be 4096 bytes and 100 ticks. */
export function parseKernelUnits(vector: Buffer): KernelUnits {
  let pageBytes = 4096
  let ticksPerSecond = 100
  for (let offset = 0; offset + 16 <= vector.length; offset += 16) {
    const type = vector.readBigUInt64LE(offset)
    const value = Number(vector.readBigUInt64LE(offset + 8))
    if (type === AT_PAGESZ && value > 0) pageBytes = value
    if (type === AT_CLKTCK && value > 0) ticksPerSecond = value
  }
  return { pageBytes, ticksPerSecond }
}
