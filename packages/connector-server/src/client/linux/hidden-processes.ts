import { getegid, getgroups } from 'node:process'
import type { RootReader } from './root-reader.ts'

/** Bit of CAP_SYS_PTRACE in a set of capabilities. capabilities(7) */
const CAP_SYS_PTRACE = 1n << 19n

const PROC_MOUNT = /^\S+ \S+ \S+ \/ \/proc \S+ .*- proc \S+ (\S+)$/gm

const REMEDY =
  'Run the agent as root, in the group of the mount option `gid`, or without `ProtectProc=` in its systemd unit'

/**
 * Creates a check for processes that the kernel hides from this user (`hidepid`, proc(5)). It reads the table of mounts
 * each time, since the option can be set while the agent runs.
 *
 * @returns why processes are missing. Its parameter counts the processes that could not be opened
 */
export function createHiddenProcessCheck(
  reader: RootReader,
  mountTable: string,
): (denied: number) => string | undefined {
  let lastText: string | undefined
  let isHiding = false
  return (denied) => {
    const text = reader.optionalText(mountTable)
    if (text !== lastText) isHiding = hidesProcesses(text ?? '', readPermissions(reader))
    lastText = text
    if (isHiding) return `\`/proc\` hides processes of other users (\`hidepid\`). ${REMEDY}`
    return denied === 0 ? undefined : `${denied} processes of other users cannot be read: permission denied. ${REMEDY}`
  }
}

/** Permissions that the kernel checks before it shows the processes of other users. */
export interface ProcessPermissions {
  readonly capabilities: bigint
  readonly groups: readonly number[]
}

/** Returns whether the uppermost `/proc` in a table of mounts hides processes from a process with these permissions. */
export function hidesProcesses(mountTable: string, { capabilities, groups }: ProcessPermissions): boolean {
  const options = [...mountTable.matchAll(PROC_MOUNT)].at(-1)?.[1] ?? ''
  const mode = /(?:^|,)hidepid=([^,]*)/.exec(options)?.[1] ?? 'off'
  if (mode === 'off' || mode === '0' || (capabilities & CAP_SYS_PTRACE) !== 0n) return false
  // Without the option `gid`, members of the group 0 see everything; `ptraceable` ignores groups.
  const group = Number(/(?:^|,)gid=(\d+)/.exec(options)?.[1] ?? 0)
  return mode === 'ptraceable' || mode === '4' || !groups.includes(group)
}

function readPermissions(reader: RootReader): ProcessPermissions {
  const status = reader.optionalText('proc/self/status') ?? ''
  return {
    capabilities: BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`),
    groups: [...(getgroups?.() ?? []), getegid?.() ?? 0],
  }
}
