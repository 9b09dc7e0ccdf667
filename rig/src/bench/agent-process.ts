import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { usageOf } from './process-usage.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** What the deployed agent starts Node with, but for the condition that makes it run sources: that costs 30 MB for the compiler, and the agent is measured as built. */
export function agentFlags(): string[] {
  const [firstLine = ''] = readFileSync(join(root, 'apps/agent/bin/rca-agent.js'), 'utf8').split('\n', 1)
  return firstLine.split(' ').filter((word) => word.startsWith('--') && !word.startsWith('--conditions'))
}

/** What an agent costs, or why that could not be measured. */
export interface AgentProcessCost {
  /** Of processor time for a report, with all that belongs to it. */
  readonly cpuMs?: number
  readonly residentMb?: number
  readonly reports?: number
  readonly skipped?: string
}

/**
 * Runs the built agent against a platform that takes everything: collection every second, heartbeats, outbox, delivery.
 *
 * @param environment what the agent is told beside the platform's address: `AGENT_TYPE`, options
 */
export async function measureAgentProcess(environment: Readonly<Record<string, string>>): Promise<AgentProcessCost> {
  try {
    execFileSync(join(root, 'node_modules/.bin/tsc'), ['-b', 'apps/agent'], { cwd: root, stdio: 'ignore' })
  } catch {
    return { skipped: '`tsc -b apps/agent` does not build it' }
  }
  const platform = await startAcceptingPlatform()
  const state = mkdtempSync(join(tmpdir(), 'rca-bench-'))
  const agent = spawn(process.execPath, [...agentFlags(), join(root, 'apps/agent/dist/main.js')], {
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
    await sleep(5_000)
    const before = { ...usageOf(agent.pid ?? 0), reports: platform.reports() }
    await sleep(20_000)
    const after = { ...usageOf(agent.pid ?? 0), reports: platform.reports() }
    const reports = after.reports - before.reports
    if (reports === 0) return { skipped: 'it delivered nothing' }
    return { cpuMs: (after.cpu - before.cpu) / reports, residentMb: after.residentMb, reports }
  } catch (error) {
    return { skipped: error instanceof Error ? error.message : String(error) }
  } finally {
    agent.kill()
    await new Promise((resolve) => (agent.exitCode === null ? agent.on('exit', resolve) : resolve(undefined)))
    platform.close()
    rmSync(state, { recursive: true, force: true })
  }
}

/** A platform on loopback that takes everything and keeps nothing. */
async function startAcceptingPlatform(): Promise<{ url: string; reports(): number; close(): void }> {
  let reports = 0
  const server = createServer((request, response) => {
    request.resume()
    const isData = request.url?.endsWith('/data') === true
    if (isData) reports += 1
    const body = isData
      ? { accepted: 1, duplicates: 0 }
      : { interval_seconds: 30, server_time: new Date().toISOString() }
    response.writeHead(isData ? 202 : 200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    reports: () => reports,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
