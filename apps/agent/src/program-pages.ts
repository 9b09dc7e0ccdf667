import { readFileSync } from 'node:fs'

/** Advice that pages of a mapping are not needed for now. madvise(2) */
const MADV_DONTNEED = 4

/**
 * Gives back the pages of Node's own program file: the start needs twice as many as an idle agent. The kernel maps a
 * page again when it is needed, mostly from its cache, and nothing is lost. Does nothing on other systems than Linux
 * and in a Node without `node:ffi`.
 */
export async function releaseProgramPages(): Promise<void> {
  if (process.platform !== 'linux') return
  try {
    const mappings = parseProgramMappings(readFileSync('/proc/self/smaps', 'latin1'), process.execPath)
    const { dlopen } = await import('node:ffi')
    const { functions } = dlopen(null, { madvise: { arguments: ['pointer', 'u64', 'i32'], return: 'i32' } })
    for (const { start, end } of mappings) functions.madvise(start, end - start, MADV_DONTNEED)
  } catch {
    // The agent only needs more memory: this Node has no such module, or may not use it.
  }
}

/** A range of addresses. */
export interface Mapping {
  readonly start: bigint
  readonly end: bigint
}

/**
 * Finds the mappings of a program in `/proc/<pid>/smaps` whose pages all equal those of its file: private, not
 * writable, and without a page that was changed, such as by the dynamic linker.
 */
export function parseProgramMappings(text: string, program: string): Mapping[] {
  return text.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m).flatMap((mapping) => {
    const [, start, end, path] = /^([0-9a-f]+)-([0-9a-f]+) r-[x-]p \S+ \S+ \S+ +(.*)$/m.exec(mapping) ?? []
    if (start === undefined || end === undefined || path !== program) return []
    return /^Anonymous: +0 kB$/m.test(mapping) ? [{ start: BigInt(`0x${start}`), end: BigInt(`0x${end}`) }] : []
  })
}
