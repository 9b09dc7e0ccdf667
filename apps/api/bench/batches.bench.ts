/**
 * Measures the ingest of batches of reports, as after an outage, over loopback HTTP, with gzip and synced commits. The
 * API is a process of its own and shares the machine with the senders.
 *
 *     npm run bench -- batches [seconds for each load]
 */
import { gzipSync } from 'node:zlib'
import { type PlatformProcess, startPlatform } from './platform-process.ts'

const SECONDS = Number(process.argv[2] ?? 5)

/** Reports per request, points per report, concurrent senders. */
const LOADS = [
  { reports: 1, points: 100, senders: 8 },
  { reports: 1, points: 1000, senders: 4 },
  { reports: 20, points: 100, senders: 4 },
  { reports: 100, points: 200, senders: 2 },
]

interface Load {
  readonly reports: number
  readonly points: number
  readonly senders: number
}

const platform = await startPlatform()
try {
  const token = await platform.provision()
  console.log(
    'reports/request  points/report  senders   requests/s   reports/s    points/s   CPU µs/point  median ms    p99 ms   RSS MB',
  )
  for (const load of LOADS) console.log(await measure(platform, token, load))
  console.log(`database: ${(platform.databaseBytes() / 1e6).toFixed(1)} MB`)
} finally {
  await platform.stop()
}

async function measure({ url, usage }: PlatformProcess, token: string, load: Load): Promise<string> {
  await send(url, token, bodyOf(load, 0, 0))
  const before = await usage()
  const begin = performance.now()
  const latencies: number[] = []
  const sender = async (agent: number): Promise<void> => {
    for (let sequence = 1; performance.now() - begin < SECONDS * 1000; sequence += 1) {
      const body = bodyOf(load, agent, sequence)
      const start = performance.now()
      await send(url, token, body)
      latencies.push(performance.now() - start)
    }
  }
  await Promise.all(Array.from({ length: load.senders }, (_, agent) => sender(agent)))
  const seconds = (performance.now() - begin) / 1000
  const after = await usage()
  latencies.sort((left, right) => left - right)
  const requests = latencies.length
  const points = requests * load.reports * load.points
  const shown = [
    [load.reports, 15, 0],
    [load.points, 13, 0],
    [load.senders, 7, 0],
    [requests / seconds, 11, 0],
    [(requests * load.reports) / seconds, 10, 0],
    [points / seconds, 10, 0],
    [((after.cpu - before.cpu) * 1e6) / points, 13, 2],
    [latencies[Math.floor(requests / 2)] ?? 0, 9, 1],
    [latencies[Math.floor(requests * 0.99)] ?? 0, 8, 1],
    [after.memory / 1e6, 7, 0],
  ] as const
  return shown.map(([value, width, digits]) => value.toFixed(digits).padStart(width)).join('  ')
}

/** Creates reports with points of the same series in each, like an agent's. */
function bodyOf({ reports, points }: Load, agent: number, sequence: number): Buffer {
  const hexadecimal = (value: number, length: number): string => value.toString(16).padStart(length, '0')
  const body = Array.from({ length: reports }, (_, index) => ({
    report_id: `${hexadecimal(Date.now(), 12).slice(0, 8)}-${hexadecimal(agent, 4)}-7${hexadecimal(points, 3)}-8${hexadecimal(index, 3)}-${hexadecimal(reports * 1e9 + sequence, 12)}`,
    agent_id: `00000000-0000-5000-8000-${hexadecimal(agent, 12)}`,
    agent_type: 'server',
    agent_version: '1.0.0',
    sequence,
    timestamp: new Date(Date.now() - (reports - index) * 1000).toISOString(),
    data: {
      entities: [{ type: 'host', id: 'h', name: 'h', attributes: { 'os.type': 'linux', sequence }, relations: [] }],
      metrics: Array.from({ length: points }, (__, point) => ({
        name: `system.metric.${point % 50}`,
        value: Math.random() * 1000,
        unit: 'By',
        kind: 'gauge',
        entity: { type: 'filesystem', id: `/mnt/disk-${Math.floor(point / 50)}` },
        attributes: { 'system.device': `/dev/sd${point % 26}`, state: 'used' },
      })),
      events: [],
      gaps: [],
    },
  }))
  return gzipSync(JSON.stringify({ reports: body }), { level: 1 })
}

async function send(url: string, token: string, body: Buffer): Promise<void> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'content-encoding': 'gzip' }
  const response = await fetch(`${url}/api/v1/agent/data`, { method: 'POST', headers, body: new Uint8Array(body) })
  const text = await response.text()
  if (response.status !== 202 || !text.includes('"duplicates":0')) throw new Error(`${response.status} ${text}`)
}
