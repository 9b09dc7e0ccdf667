import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startAcceptingPlatform } from './accepting-platform.ts'
import { cpuShareOf, profileFlags } from './cpu-profile.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** Returns the Node flags of the deployed agent, without the condition that runs sources: compiling costs 30 MB. */
export function agentFlags(): string[] {
  const [firstLine = ''] = readFileSync(join(root, 'apps/agent/bin/rca-agent.js'), 'utf8').split('\n', 1)
  return firstLine.split(' ').filter((word) => word.startsWith('--') && !word.startsWith('--conditions'))
}

/** Cost of an agent, or the reason why it was not measured. */
export interface AgentProcessCost {
  /** CPU time per report, including everything that produces and delivers it. */
  readonly cpuMs?: number
  readonly residentMb?: number
  readonly reports?: number
  readonly skipped?: string
}

/** Time in which a started agent becomes idle, in milliseconds. */
const WARM_UP_MS = 5_000

const MEASURED_MS = 20_000

/** Runs the built agent, with more environment variables, against a platform that accepts everything. */
export async function measureAgentProcess(environment: Readonly<Record<string, string>>): Promise<AgentProcessCost> {
  const measured = await withAgent(environment, [], async (pid, reported) => {
    await sleep(WARM_UP_MS)
    const before = { ...usageOf(pid), reports: reported() }
    await sleep(MEASURED_MS)
    const after = { ...usageOf(pid), reports: reported() }
    return { ...after, cpu: after.cpu - before.cpu, reports: after.reports - before.reports }
  })
  if (typeof measured === 'string') return { skipped: measured }
  const { cpu, residentMb, reports } = measured
  if (reports === 0) return { skipped: `the agent delivered no report within ${MEASURED_MS / 1000} s` }
  return { cpuMs: cpu / reports, residentMb, reports }
}

/**
 * Runs the built agent like {@link measureAgentProcess}. Returns the share of its CPU time since its start, from 0 to
 * 1, that modules with `part` in their path take, or the reason why it was not measured.
 */
export async function measureAgentShare(
  environment: Readonly<Record<string, string>>,
  part: string,
): Promise<number | string> {
  const folder = mkdtempSync(join(tmpdir(), 'rca-profile-'))
  try {
    const run = await withAgent(environment, profileFlags(folder), () => sleep(MEASURED_MS))
    return run ?? cpuShareOf(folder, part)
  } catch (error) {
    return String(error)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Calls `observe` while the built agent runs, and stops it. Returns the reason if that failed. */
async function withAgent<Result>(
  environment: Readonly<Record<string, string>>,
  flags: readonly string[],
  observe: (pid: number, reports: () => number) => Promise<Result>,
): Promise<Result | string> {
  try {
    execFileSync(join(root, 'node_modules/.bin/tsc'), ['-b', 'apps/agent'], { cwd: root, stdio: 'ignore' })
  } catch {
    return '`tsc -b apps/agent` failed'
  }
  const platform = await startAcceptingPlatform()
  const state = mkdtempSync(join(tmpdir(), 'rca-bench-'))
  const agent = spawn(process.execPath, [...agentFlags(), ...flags, join(root, 'apps/agent/dist/main.js')], {
    stdio: 'ignore',
    env: {
      PATH: process.env.PATH,
      PLATFORM_API_URL: platform.url,
      AGENT_TOKEN: 'bench',
      RCA_STATE_DIR: state,
      RCA_HEALTH_PORT: 'off',
      COLLECT_INTERVAL: '1s',
      ...environment,
    },
  })
  try {
    return await observe(agent.pid ?? 0, platform.reports)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    agent.kill()
    await new Promise((resolve) => (agent.exitCode === null ? agent.on('exit', resolve) : resolve(undefined)))
    platform.close()
    rmSync(state, { recursive: true, force: true })
  }
}

/** Returns a port on loopback that nothing listens on. */
export async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}

/** Returns the CPU time of a Linux process in milliseconds, in steps of ten, and its resident memory in MB. */
export function usageOf(pid: number): { cpu: number; residentMb: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return {
    cpu: (Number(fields[11]) + Number(fields[12])) * 10,
    residentMb: (Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024) / 1e6,
  }
}
