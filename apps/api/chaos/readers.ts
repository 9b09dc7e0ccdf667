import { setTimeout as sleep } from 'node:timers/promises'
import type { Answers } from './answers.ts'
import type { Platform } from './platform.ts'

const PATHS = [
  '/api/v1/agents?limit=100',
  '/api/v1/events?limit=200',
  '/api/v1/events?text=tick&limit=50',
  '/api/v1/environments',
  '/api/v1/audit?limit=100',
  '/api/v1/access-tokens',
  '/api/v1/agent/types',
  '/readyz',
  '/metrics',
]

/** Reads every list in turn, and asks `/healthz` in between. */
export async function readEverything(platform: Platform, answers: Answers, stop: AbortSignal): Promise<void> {
  const headers = { authorization: `Bearer ${platform.adminToken}` }
  const read = async (path: string): Promise<void> => {
    try {
      const response = await fetch(platform.url() + path, { headers, signal: AbortSignal.timeout(30_000) })
      answers.add('reader', response.status, path, await response.text())
    } catch {
      answers.add('reader', 0, path)
    }
  }
  for (let round = 0; !stop.aborted; round += 1) {
    const began = performance.now()
    const response = await fetch(`${platform.url()}/healthz`).catch(() => undefined)
    if (response !== undefined) {
      answers.add('probe', response.status, '/healthz', await response.text().catch(() => ''))
      answers.addProbe(performance.now() - began)
    }
    const from = new Date(Date.now() - 3_600_000).toISOString()
    const metrics = `/api/v1/metrics?name=system.uptime&environment=chaos&from=${from}&to=${new Date().toISOString()}&step=10s`
    await read([...PATHS, metrics][round % (PATHS.length + 1)] ?? '/readyz')
    await sleep(200, undefined, { signal: stop }).catch(() => undefined)
  }
}
