/**
 * Measures whether memory grows: real agents, which share this process, report 50 points every 10 s for a long time.
 * Prints the growth of the resident memory of the platform and of this process after a warm-up, as the slope of a
 * straight line through the samples.
 *
 *     npm run bench -- soak [--agents 1000] [--minutes 30]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Agent } from '@rca/core'
import { createPlatform, residentMbOf } from '../chaos/platform.ts'
import { startSimulatedAgents } from './simulated-agents.ts'

const SAMPLE_INTERVAL_MS = 5000
/** Share of the time in which memory may grow: caches fill, code is compiled. */
const WARM_UP = 1 / 3

const { values: options } = parseArgs({
  options: { agents: { type: 'string', default: '1000' }, minutes: { type: 'string', default: '30' } },
})
const minutes = Number(options.minutes)

interface Sample {
  readonly minute: number
  readonly platformMb: number
  readonly agentsMb: number
}

const folder = mkdtempSync(join(tmpdir(), 'rca-bench-'))
const platform = createPlatform({ folder, environment: {} })
let agents: readonly Agent[] = []
try {
  await platform.start()
  agents = await startSimulatedAgents(platform, Number(options.agents), '10s', 10_000)
  const samples: Sample[] = []
  for (const begin = performance.now(); ; await sleep(SAMPLE_INTERVAL_MS)) {
    const minute = (performance.now() - begin) / 60_000
    if (minute > minutes) break
    globalThis.gc?.()
    const platformMb = await residentMbOf(platform)
    samples.push({ minute, platformMb, agentsMb: process.memoryUsage.rss() / 1e6 })
  }
  const measured = samples.filter(({ minute }) => minute > minutes * WARM_UP)
  const dropped = agents.reduce((sum, agent) => sum + agent.status().outbox.dropped, 0)
  console.log(`${agents.length} agents, ${minutes} minutes, ${dropped} reports dropped`)
  for (const name of ['platformMb', 'agentsMb'] as const) {
    const values = measured.map((sample) => sample[name])
    const slope = slopeOf(measured.map((sample) => [sample.minute, sample[name]]))
    const range = `${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)} MB`
    console.log(`${name === 'platformMb' ? 'platform' : 'agents'}: ${range}, ${(slope * 60).toFixed(1)} MB an hour`)
  }
} finally {
  await Promise.all(agents.map((agent) => agent.stop({ timeout: '5s' })))
  await platform.stop()
  rmSync(folder, { recursive: true })
}

/** Returns the slope of the line that fits best, by least squares. */
function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
  const [centreX, centreY] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))]
  const covariance = mean(points.map(([x, y]) => (x - centreX) * (y - centreY)))
  return covariance / mean(points.map(([x]) => (x - centreX) ** 2))
}
