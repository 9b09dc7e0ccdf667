import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { v5, v7 } from 'uuid'
import type { Answers } from './answers.ts'
import type { Platform } from './platform.ts'

const NAMESPACE = 'd3c1cb0e-9a38-4c34-9d5a-0f7b54a3e2a1'
const REPORT_INTERVAL_MS = 500
/** Reports of a run: the next one begins with the sequence 0. */
const REPORTS_PER_RUN = 100

/** An agent that sends numbered events, each in a report that is repeated until the platform has acknowledged it. */
export interface ChaosAgent {
  run(stop: AbortSignal): Promise<void>
  /** Delivers what is still waiting. */
  flush(): Promise<void>
  /** Compares what was acknowledged with what the platform has stored. */
  compare(): Promise<{ acknowledged: number; lost: readonly string[]; twice: readonly string[] }>
}

interface Waiting {
  readonly number: number
  readonly body: Uint8Array<ArrayBuffer>
}

export function createChaosAgent(platform: Platform, answers: Answers, token: string, index: number): ChaosAgent {
  const id = v5(`agent ${index}`, NAMESPACE)
  const acknowledged = new Set<number>()
  const refused: number[] = []
  let waiting: Waiting | undefined
  let next = 0

  /** Returns true if the report was acknowledged or is refused for good. */
  const deliver = async ({ number, body }: Waiting): Promise<boolean> => {
    let response: Response
    try {
      response = await fetch(`${platform.url()}/api/v1/agent/data`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          'content-encoding': 'gzip',
        },
        body,
        signal: AbortSignal.timeout(20_000),
      })
      // The answer counts once it is complete.
      const text = await response.text()
      answers.add('agent', response.status, 'POST data', text)
    } catch {
      answers.add('agent', 0, 'POST data')
      return false
    }
    if (response.status === 202) acknowledged.add(number)
    else if (response.status === 422 || response.status === 413) refused.push(number)
    return response.ok || response.status === 422 || response.status === 413
  }
  const report = (): Waiting => {
    const number = next
    next += 1
    return { number, body: gzipSync(JSON.stringify({ reports: [reportOf(id, index, number)] })) }
  }

  return {
    run: async (stop) => {
      while (!stop.aborted) {
        waiting ??= report()
        if (await deliver(waiting)) waiting = undefined
        await sleep(REPORT_INTERVAL_MS * (0.5 + Math.random()), undefined, { signal: stop }).catch(() => undefined)
      }
    },
    flush: async () => {
      for (let attempts = 0; waiting !== undefined && attempts < 60; attempts += 1) {
        if (await deliver(waiting)) waiting = undefined
        else await sleep(1000)
      }
      if (waiting !== undefined) throw new Error(`Agent ${index} could not deliver its last report.`)
    },
    compare: async () => {
      const stored = await readNumbers(platform, id)
      const name = (number: number) => `report ${number} of agent ${index}`
      return {
        acknowledged: acknowledged.size,
        lost: [
          ...[...acknowledged].filter((number) => !stored.has(number)).map((number) => `lost: ${name(number)}`),
          ...refused.map((number) => `refused for good: ${name(number)}`),
        ],
        twice: [...stored].filter(([, count]) => count > 1).map(([number]) => `twice: ${name(number)}`),
      }
    },
  }
}

/** Builds the numbered report of an agent. */
function reportOf(agentId: string, index: number, number: number): object {
  const now = new Date().toISOString()
  const host = { type: 'host', id: `host-${index}` }
  return {
    report_id: v7(),
    agent_id: agentId,
    agent_type: 'server',
    agent_version: '1.0.0',
    sequence: number % REPORTS_PER_RUN,
    timestamp: now,
    data: {
      entities: [{ ...host, name: `host-${index}`, attributes: {}, relations: [] }],
      metrics: [{ name: 'system.uptime', unit: 's', kind: 'gauge', entity: host, value: number, attributes: {} }],
      events: [
        {
          name: 'service.ticked',
          severity: 'info',
          entity: host,
          at: now,
          body: `Tick ${number}.`,
          // Without an id, so that a report that is stored twice shows twice.
          attributes: { number },
        },
      ],
      gaps: [],
    },
  }
}

/** Counts the stored events by their number. */
async function readNumbers(platform: Platform, agentId: string): Promise<ReadonlyMap<number, number>> {
  const stored = new Map<number, number>()
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const path = `/api/v1/events?agent_id=${agentId}&limit=500${cursor === undefined ? '' : `&cursor=${cursor}`}`
    const page = await platform.read<{
      events: readonly { name: string; attributes: { number?: number } }[]
      next_cursor: string | null
    }>(path)
    for (const { name, attributes } of page.events)
      if (name === 'service.ticked' && attributes.number !== undefined)
        stored.set(attributes.number, (stored.get(attributes.number) ?? 0) + 1)
    cursor = page.next_cursor
  }
  return stored
}
