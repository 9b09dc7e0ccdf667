import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'

/** The cost of a finished program. */
export interface ListCost {
  readonly wallMs: number
  readonly cpuMs: number
  readonly peakMb: number
}

/** Runs `kubectl get pods -A -o json` once. Samples its peak memory every few milliseconds. */
export async function listWithKubectl(kubectl: string, kubeconfig: string): Promise<ListCost> {
  const words = ['--kubeconfig', kubeconfig, 'get', 'pods', '--all-namespaces', '--output=json']
  const began = performance.now()
  const child = spawn(kubectl, words, { stdio: ['ignore', 'ignore', 'inherit'] })
  const cost = { cpuMs: 0, peakMb: 0 }
  const timer = setInterval(() => {
    Object.assign(cost, costOf(child.pid ?? 0) ?? {})
  }, 10)
  await once(child, 'close')
  clearInterval(timer)
  return { wallMs: performance.now() - began, ...cost }
}

/** `undefined` once it has ended. */
function costOf(pid: number): { cpuMs: number; peakMb: number } | undefined {
  try {
    const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return peak === undefined
      ? undefined
      : { cpuMs: (Number(fields[11]) + Number(fields[12])) * 10, peakMb: (Number(peak) * 1024) / 1e6 }
  } catch {
    return undefined
  }
}
