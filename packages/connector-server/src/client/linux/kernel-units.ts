import { readFileSync } from 'node:fs'

/** Units of the numbers in `/proc/<pid>/stat`. */
export interface KernelUnits {
  /** `USER_HZ` */
  readonly ticksPerSecond: number
  readonly pageBytes: number
}

/** Entry types of the auxiliary vector. getauxval(3) */
const AT_PAGESZ = 6n
const AT_CLKTCK = 17n

/** Reads the units of the running kernel, which is also the kernel of a host mounted below another root. */
export function readKernelUnits(): KernelUnits {
  try {
    return parseKernelUnits(readFileSync('/proc/self/auxv'))
  } catch {
    return parseKernelUnits(Buffer.alloc(0))
  }
}

/** Parses the auxiliary vector of a 64-bit process. Defaults to 4096 bytes and 100 ticks. */
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
