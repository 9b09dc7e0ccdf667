import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a kubelet sets when it starts, for the whole machine. */
const SETTINGS = [
  'kernel/keys/root_maxbytes',
  'kernel/keys/root_maxkeys',
  'kernel/panic',
  'kernel/panic_on_oops',
  'vm/overcommit_memory',
  'vm/panic_on_oom',
]

/** Remembers how this machine's kernel is set. Returns what sets it so again. */
export function keepKernelSettings(): () => void {
  const before = SETTINGS.map((name) => [name, read(name)] as const)
  return () => {
    for (const [name, value] of before)
      if (value !== undefined && read(name) !== value) writeFileSync(join('/proc/sys', name), value)
  }
}

function read(name: string): string | undefined {
  try {
    return readFileSync(join('/proc/sys', name), 'utf8')
  } catch {
    return undefined
  }
}
