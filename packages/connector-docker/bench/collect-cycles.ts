/**
 * Collects containers and their usage while following the event stream, like an agent. Prints wall and CPU time per
 * collection cycle as JSON, in milliseconds. Started by the benchmark with the flags of the deployed agent:
 * `collect-cycles.ts DOCKER_HOST ROOT_PATH CYCLES`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseConfig, silentLogger } from '@rca/core'
import type { Signals } from '@rca/core/connector'
import { docker } from '../src/index.ts'

const [dockerHost, rootPath, cycles] = process.argv.slice(2)
const { config } = parseConfig(docker, { docker_host: dockerHost, root_path: rootPath })
const stop = new AbortController()
const { signal } = stop
const client = await docker.connect({ config, signal, log: silentLogger, keyedHash: (text) => text })
const watching = docker.watchers?.['engine-events']
  ?.watch(client, {
    signal,
    now: () => new Date(),
    emit: () => undefined,
    cursor: undefined,
    saveCursor: async () => undefined,
    sleep: async () => undefined,
  })
  .catch(() => undefined)
await sleep(2_000)

const states = new Map<string, unknown>()
const collect = (name: string): Promise<Signals> | undefined =>
  docker.collectors[name]?.collect(client, {
    signal,
    now: () => new Date(),
    swapState: <Reading>(reading: Reading): Reading | undefined => {
      const before = states.get(name) as Reading | undefined
      states.set(name, reading)
      return before
    },
  }) as Promise<Signals> | undefined
const runCycle = async (): Promise<number> => {
  const read = await Promise.all(['containers', 'usage'].map(collect))
  return read.reduce((sum, signals) => sum + (signals?.metrics?.length ?? 0), 0)
}

const warmUp = Math.ceil(Number(cycles) / 5)
for (let number = 0; number < warmUp; number += 1) await runCycle()
console.log('ready')
await new Promise((resolve) => process.stdin.once('data', resolve))
const before = { wall: performance.now(), cpu: process.cpuUsage() }
let points = 0
for (let number = 0; number < Number(cycles); number += 1) points = await runCycle()
const { user, system } = process.cpuUsage(before.cpu)
console.log(
  JSON.stringify({
    wallMs: (performance.now() - before.wall) / Number(cycles),
    cpuMs: (user + system) / 1000 / Number(cycles),
    points,
  }),
)
stop.abort()
await watching
await docker.disconnect?.(client)
process.exit()
