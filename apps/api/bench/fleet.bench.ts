/**
 * Measures the ingest of a fleet: agents that each send one gzipped report of 50 points every 10 s over loopback HTTP,
 * with synced commits. The API is a process of its own and shares the machine with the agents. The first report of
 * each agent, which creates its series, is sent before the measurement. Latencies count from the time at which a report
 * was due.
 *
 * With `sets`, agents send the values of known series alone, as those of this repository do; with `full`, they name the
 * series in each report.
 *
 *     npm run bench -- fleet [agents] [seconds] [sets|full]
 */
import { Agent, request } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { startPlatform } from './platform-process.ts'

const AGENTS = Number(process.argv[2] ?? 1000)
const SECONDS = Number(process.argv[3] ?? 30)
const IN_FULL = process.argv[4] === 'full'
const INTERVAL_MS = 10_000
const POINTS = 50

/** Points of one entity, which are one set of series. */
const SET_POINTS = 25

/** The sets of each agent, as the platform named them. */
const setsOf = new Map<number, readonly string[]>()

const connections = new Agent({ keepAlive: true, maxSockets: 16 })
const platform = await startPlatform()
try {
  const token = await platform.provision()
  await sendAll(AGENTS, (number) => send(token, number, 0))
  const latencies: number[] = []
  const before = await platform.usage()
  const begin = performance.now()
  const sent: Promise<void>[] = []
  for (let number = 0; ; number += 1) {
    const due = begin + (number * INTERVAL_MS) / AGENTS
    if (due > begin + SECONDS * 1000) break
    const wait = due - performance.now()
    if (wait > 1) await setTimeout(wait)
    const report = send(token, number % AGENTS, 1 + Math.floor(number / AGENTS))
    sent.push(report.then(() => void latencies.push(performance.now() - due)))
  }
  await Promise.all(sent)
  const seconds = (performance.now() - begin) / 1000
  const after = await platform.usage()
  latencies.sort((left, right) => left - right)
  const points = latencies.length * POINTS
  const figures = {
    agents: AGENTS,
    'reports/s': latencies.length / seconds,
    'points/s': points / seconds,
    'CPU ms / 1,000 points': ((after.cpu - before.cpu) * 1e6) / points,
    'median ms': latencies[Math.floor(latencies.length / 2)] ?? 0,
    'p99 ms': latencies[Math.floor(latencies.length * 0.99)] ?? 0,
    'RSS MB': after.memory / 1e6,
    'database MB': platform.databaseBytes() / 1e6,
  }
  for (const [name, value] of Object.entries(figures))
    console.log(`${name.padEnd(22)} ${value.toFixed(1).padStart(10)}`)
} finally {
  connections.destroy()
  await platform.stop()
}

/** Calls a function for every number below `count`, some at a time. */
async function sendAll(count: number, run: (number: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) await run(next++)
  }
  await Promise.all(Array.from({ length: 8 }, worker))
}

/** Sends a report of an agent, like one of a small host: one entity changes, the series are always the same. */
function send(token: string, agent: number, sequence: number): Promise<void> {
  const hexadecimal = (value: number, length: number): string => value.toString(16).padStart(length, '0')
  const host = `host-${agent}`
  const sets = IN_FULL ? undefined : setsOf.get(agent)
  const report = {
    report_id: `${hexadecimal(Date.now(), 12).replace(/^(.{8})/, '$1-')}-7000-8000-${hexadecimal(agent * 65_536 + sequence, 12)}`,
    agent_id: `00000000-0000-5000-8000-${hexadecimal(agent, 12)}`,
    agent_type: 'server',
    agent_version: '1.0.0',
    sequence,
    timestamp: new Date().toISOString(),
    data: {
      entities: [
        {
          type: 'host',
          id: host,
          name: host,
          attributes: { 'os.type': 'linux', 'host.boot': sequence },
          relations: [],
        },
      ],
      metrics: sets === undefined ? points(host) : sets.map((series_set) => ({ series_set, values: values() })),
      events: [],
      gaps: [],
    },
  }
  const body = gzipSync(JSON.stringify({ reports: [report], series_sets: true }), {
    level: 1,
    windowBits: 13,
    memLevel: 5,
  })
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    'content-encoding': 'gzip',
    'content-length': body.length,
  }
  return new Promise((resolve, reject) => {
    const call = request(`${platform.url}/api/v1/agent/data`, { method: 'POST', headers, agent: connections })
    call.once('error', reject)
    call.once('response', (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      response.once('end', () => {
        if (response.statusCode !== 202 || !text.includes('"duplicates":0'))
          return reject(new Error(`${response.statusCode} ${text}`))
        if (sets === undefined) setsOf.set(agent, (JSON.parse(text) as { series_sets: string[] }).series_sets)
        resolve()
      })
    })
    call.end(body)
  })
}

function points(host: string): unknown[] {
  return Array.from({ length: POINTS }, (_, point) => ({
    name: `system.metric.${point % SET_POINTS}`,
    value: Math.random() * 1000,
    unit: 'By',
    kind: 'gauge',
    entity: { type: 'filesystem', id: `${host}/mnt/disk-${Math.floor(point / SET_POINTS)}` },
    attributes: { 'system.device': `/dev/sd${point % 26}`, state: 'used' },
  }))
}

function values(): number[] {
  return Array.from({ length: SET_POINTS }, () => Math.random() * 1000)
}
