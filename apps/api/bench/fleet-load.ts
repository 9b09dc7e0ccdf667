import { Agent, request } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { usageOf } from '@rca/rig/bench'

const INTERVAL_MS = 10_000

/** Agents have connections of their own. This many wait for an answer at most. */
const MAX_CONNECTIONS = 64

/** Points of one request: those of a small host. */
export const POINTS = 50

/** Points of one entity. */
export const ENTITY_POINTS = 25

/** A program that takes points over HTTP. */
export interface IngestTarget {
  readonly pid: number
  /** Creates the request of an agent. Its bytes are sent as they are. */
  prepare(agent: number, sequence: number): Request
  /** Returns true if everything was accepted. `body` is the answer to the request of `agent`. */
  isAccepted(status: number, body: string, agent: number): boolean
  /** Bytes of everything on disk. */
  diskBytes(): number
  stop(): Promise<void>
}

export interface Request {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export interface FleetFigures {
  readonly reportsPerSecond: number
  readonly pointsPerSecond: number
  /** CPU of the program for 1,000 points, in milliseconds. */
  readonly cpuMs: number
  /** Time from when a request was due to its answer. */
  readonly medianMs: number
  readonly p99Ms: number
  /** Requests that were not accepted. */
  readonly refused: number
  readonly residentMb: number
  readonly bytesPerPoint: number
}

/** Sends a request of each agent in turn, so that every agent sends one every 10 s. */
export async function measureFleet(target: IngestTarget, agents: number, seconds: number): Promise<FleetFigures> {
  const connections = new Agent({ keepAlive: true, maxSockets: MAX_CONNECTIONS })
  try {
    await sendAll(agents, async (agent) => {
      if (!(await send(target, agent, 0, connections))) throw new Error(`The first request of agent ${agent} failed.`)
    })
    const disk = target.diskBytes()
    const before = usageOf(target.pid)
    const begin = performance.now()
    const latencies: number[] = []
    let refused = 0
    const sent: Promise<void>[] = []
    for (let number = 0; ; number += 1) {
      const due = begin + (number * INTERVAL_MS) / agents
      if (due > begin + seconds * 1000) break
      const wait = due - performance.now()
      if (wait > 1) await setTimeout(wait)
      const answer = send(target, number % agents, 1 + Math.floor(number / agents), connections)
      sent.push(
        answer.then((isAccepted) => {
          if (isAccepted) latencies.push(performance.now() - due)
          else refused += 1
        }),
      )
    }
    await Promise.all(sent)
    const elapsed = (performance.now() - begin) / 1000
    const after = usageOf(target.pid)
    latencies.sort((left, right) => left - right)
    const points = latencies.length * POINTS
    return {
      reportsPerSecond: latencies.length / elapsed,
      pointsPerSecond: points / elapsed,
      cpuMs: ((after.cpu - before.cpu) * 1000) / points,
      medianMs: latencies[Math.floor(latencies.length / 2)] ?? Number.NaN,
      p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN,
      refused,
      residentMb: after.residentMb,
      bytesPerPoint: (target.diskBytes() - disk) / points,
    }
  } finally {
    connections.destroy()
  }
}

/** Compresses as an agent does: fast, with little memory. */
export function compress(text: string): Uint8Array {
  return gzipSync(text, { level: 1, windowBits: 13, memLevel: 5 })
}

/** Calls a function for every number below `count`, some at a time. */
async function sendAll(count: number, run: (number: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) await run(next++)
  }
  await Promise.all(Array.from({ length: 8 }, worker))
}

function send(target: IngestTarget, agent: number, sequence: number, connections: Agent): Promise<boolean> {
  const { url, headers, body } = target.prepare(agent, sequence)
  return new Promise((resolve, reject) => {
    const call = request(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': body.length },
      agent: connections,
    })
    call.once('error', reject)
    call.once('response', (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      response.once('end', () => resolve(target.isAccepted(response.statusCode ?? 0, text, agent)))
    })
    call.end(body)
  })
}
