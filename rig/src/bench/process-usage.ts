import { readFileSync } from 'node:fs'

/** Processor time that a process of Linux has used, in milliseconds (in steps of ten), and its resident memory, in MB. */
export function usageOf(pid: number): { cpu: number; residentMb: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return {
    cpu: (Number(fields[11]) + Number(fields[12])) * 10,
    residentMb: (Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024) / 1e6,
  }
}
