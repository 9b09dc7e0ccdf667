/**
 * Measures how long the most expensive accepted and refused bodies occupy the thread that serves requests: the longest
 * turn of its event loop, in CPU time. Another thread sends them.
 *
 *     npm run bench -- attack [share of the limits, from 0 to 1]
 *
 * Targets: 100 ms for accepted bodies, and 20 ms for refused ones. Takes three minutes.
 */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { createApi } from '../src/index.ts'
import { acceptedShapes, refusedShapes, type Shape } from '../test/shapes.ts'
import { measureTurns } from '../test/turns.ts'

const SIZE = Number(process.argv[2] ?? 1)
const ROUNDS = 5
const ADMIN = 'admin-token-of-the-benchmark'
const [MAX_ACCEPTED_MS, MAX_REFUSED_MS] = [100, 20]

const UNCOMPRESSED = 'refused, uncompressed'

/** Size of uncompressed bodies: as much as may be sent. */
const UNCOMPRESSED_SHARE = 2 / 3

/** Compresses and sends bodies, apart from the measured thread. */
const SENDER = `
  const { parentPort } = require('node:worker_threads')
  const { gzipSync } = require('node:zlib')
  parentPort.on('message', async ({ url, token, text, isCompressed }) => {
    const headers = { authorization: 'Bearer ' + token, 'content-type': 'application/json' }
    if (isCompressed) headers['content-encoding'] = 'gzip'
    const body = isCompressed ? gzipSync(text, { level: 1 }) : text
    parentPort.postMessage('sending')
    const begin = performance.now()
    try {
      const response = await fetch(url, { method: 'POST', headers, body })
      const answer = await response.text()
      parentPort.postMessage({ status: response.status, answer: answer.slice(0, 300), took: performance.now() - begin })
    } catch (error) {
      parentPort.postMessage({ status: 0, answer: String(error), took: performance.now() - begin })
    }
  })`

interface Answer {
  readonly status: number
  readonly answer: string
  readonly took: number
}

const folder = mkdtempSync(join(tmpdir(), 'rca-bench-attack-'))
const api = await createApi({
  port: 0,
  databaseUrl: `sqlite:${join(folder, 'rca.sqlite')}`,
  adminToken: ADMIN,
  rateLimit: 1_000_000,
  maxEventsPerMinute: 1_000_000,
  maxEventLoopDelayMs: 0,
})
const sender = new Worker(SENDER, { eval: true })
const meter = measureTurns()
try {
  const url = await api.listen()
  const token = await provision(url)
  const isFast = [
    await measure('accepted', acceptedShapes(SIZE), MAX_ACCEPTED_MS, url, token),
    await measure('refused', refusedShapes(SIZE), MAX_REFUSED_MS, url, token),
    await measure(UNCOMPRESSED, refusedShapes(SIZE * UNCOMPRESSED_SHARE), MAX_REFUSED_MS, url, token),
  ]
  process.exitCode = isFast.includes(false) ? 1 : 0
} finally {
  meter.stop()
  await sender.terminate()
  await api.close()
  rmSync(folder, { recursive: true })
}

/**
 * Prints the longest turn of each shape, the least of its rounds: collections of garbage and the load of the machine
 * only add to what a body costs. Returns whether all are within the limit.
 */
async function measure(
  kind: string,
  shapes: readonly Shape[],
  limit: number,
  url: string,
  token: string,
): Promise<boolean> {
  console.log(
    `${kind.padEnd(36)}${['MB', 'status', 'longest turn ms', 'answer ms'].map((title) => title.padStart(17)).join('')}`,
  )
  const slow: string[] = []
  for (const { name, path, body } of shapes) {
    const turns: number[] = []
    let answer: Answer = { status: 0, answer: '', took: 0 }
    let size = 0
    for (let round = 0; round < ROUNDS; round += 1) {
      const text = body()
      size = text.length / 1e6
      sender.postMessage({ url: `${url}/api/v1/agent/${path}`, token, text, isCompressed: kind !== UNCOMPRESSED })
      await once(sender, 'message')
      meter.longest()
      ;[answer] = (await once(sender, 'message')) as [Answer]
      turns.push(meter.longest())
    }
    const longest = Math.min(...turns)
    const isExpected =
      kind === 'accepted' ? answer.status >= 200 && answer.status < 300 : answer.status >= 400 && answer.status < 500
    if (longest > limit || !isExpected) slow.push(name)
    const columns = [size.toFixed(1), String(answer.status), longest.toFixed(1), answer.took.toFixed(0)]
    console.log(
      `${name.padEnd(36)}${columns.map((column) => column.padStart(17)).join('')}${isExpected ? '' : `  ${answer.answer}`}`,
    )
  }
  console.log(
    slow.length === 0 ? `All within ${limit} ms.\n` : `Above ${limit} ms, or not ${kind}: ${slow.join(', ')}.\n`,
  )
  return slow.length === 0
}

async function provision(url: string): Promise<string> {
  const response = await fetch(`${url}/api/v1/agent/provision`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ agent_type: 'docker', environment_name: 'attack' }),
  })
  return ((await response.json()) as { agent_token: string }).agent_token
}
