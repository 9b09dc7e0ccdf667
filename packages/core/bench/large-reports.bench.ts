/**
 * Measures the cost of a collection cycle of 15,000 entities and 60,000 points: how long it blocks the event loop, how
 * much memory it uses beside what the collector holds, the bytes that are sent, and the CPU time. The platform runs in
 * a process of its own. Never fails for a number: it prints whether the target is met.
 */
import { cpus, loadavg } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { z } from 'zod'
import { command, defineConnector, type Entity, entity, event, type Metric, metric } from '../src/connector/index.ts'
import { type Agent, createAgent, silentLogger } from '../src/index.ts'
import { type Sent, startPlatform } from './large-reports-platform.ts'

const ENTITIES = 15_000
const POINTS_EACH = 4
const ROUNDS = 4
const INTERVAL = 4000
/** Milliseconds between two samples of the heap. */
const SAMPLING = { time: 2, memory: 200 } as const
const TARGET_DELAY_MS = 30
const TARGET_HEAP_MB = 40
const MB = 1024 * 1024

const signals = {
  pod: entity({
    type: 'pod',
    description: 'A pod.',
    attributes: { '*': 'Anything.' },
    relations: { runs_on: 'Its node.', owned_by: 'Its owner.' },
  }),
  usage: metric({
    name: 'pod.usage',
    unit: 'By',
    kind: 'gauge',
    description: 'Use.',
    attributes: { '*': 'Anything.' },
  }),
  killed: event({ name: 'pod.killed', severity: 'warning', description: 'Killed.' }),
}

function podsOf(round: number): Entity[] {
  return Array.from({ length: ENTITIES }, (_, index) =>
    signals.pod.entity({
      id: `0d1f2c3b-${index}`,
      name: `checkout-7f9c6d5b8-${index}`,
      attributes: {
        'k8s.namespace.name': `shop-${index % 40}`,
        'k8s.pod.phase': 'Running',
        'k8s.pod.start_time': '2026-11-25T02:00:00Z',
        'k8s.pod.label.app': 'checkout',
        'k8s.pod.label.version': `v${index % 10}`,
        'container.image.name': 'registry.example.com/shop/checkout',
        // One in a hundred entities changes in each cycle.
        'k8s.pod.restarts': index % 100 === 0 ? round : 0,
      },
      relations: [
        { type: 'runs_on', target: { type: 'node', id: `node-${index % 300}` } },
        { type: 'owned_by', target: { type: 'replicaset', id: `rs-${index % 2000}` } },
      ],
    }),
  )
}

function pointsOf(pods: readonly Entity[]): Metric[] {
  const points = pods.flatMap((pod) =>
    Array.from({ length: POINTS_EACH }, (_, index) => signals.usage.point(index * 1.5, pod, { state: `s${index}` })),
  )
  return points.filter((point) => point !== undefined)
}

type Mode = 'time' | 'memory'

interface Worst {
  turnMs: number
  stallMs: number
  heapMb: number
}

/** Creates an agent whose entities are replaced between cycles, and whose points stay. */
function createBenchAgent(url: string, entities: () => readonly Entity[], metrics: readonly Metric[]): Agent {
  return createAgent({
    connector: defineConnector({
      type: 'bench',
      title: 'Bench',
      description: 'A large cluster',
      config: z.object({}),
      signals,
      deploy: () => ({ command: command('run') }),
      connect: async () => ({}),
      identify: async () => ({ id: 'bench', name: 'bench', entity: signals.pod.reference('0') }),
      disconnect: async () => undefined,
      collectors: { pods: { collect: async () => ({ entities: entities(), metrics }) } },
    }),
    platformUrl: url,
    agentToken: 'token',
    config: { collect_interval: `${INTERVAL}ms` },
    logger: silentLogger,
  })
}

/**
 * Runs collection cycles and prints each. Garbage counts as used until it is collected, which depends on V8 more than
 * on the agent: for `memory`, the heap is collected five times a second, and stalls are meaningless.
 */
async function measure(mode: Mode, same: boolean): Promise<Worst> {
  const platform = await startPlatform()
  let pods = podsOf(0)
  const agent = createBenchAgent(platform.url, () => pods, pointsOf(pods))
  const worst: Worst = { turnMs: 0, stallMs: 0, heapMb: 0 }
  const heap = (): number => {
    if (mode === 'memory') globalThis.gc?.()
    return process.memoryUsage().heapUsed
  }
  globalThis.gc?.()
  const base = process.memoryUsage().heapUsed
  let peak = base
  let turnMs = 0
  let thread = threadMs()
  const sampling = setInterval(() => {
    const now = threadMs()
    turnMs = Math.max(turnMs, now - thread)
    peak = Math.max(peak, heap())
    thread = threadMs()
  }, SAMPLING[mode])
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  let cpu = process.cpuUsage()
  let reports = 0
  await agent.start()
  for (let round = 0; round < ROUNDS; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, round === 0 ? INTERVAL * 0.8 : INTERVAL))
    const sent = platform.sent.splice(0)
    const sum = (of: (each: Sent) => number): number => sent.reduce((total, each) => total + of(each), 0)
    const used = process.cpuUsage(cpu)
    const stallMs = delay.max / 1e6
    if (!same) pods = podsOf(round + 1)
    globalThis.gc?.()
    const after = process.memoryUsage().heapUsed
    const heapMb = (peak - base) / MB
    print(round + 1, [
      mode === 'time' ? turnMs.toFixed(1) : '',
      mode === 'time' ? stallMs.toFixed(1) : '',
      heapMb.toFixed(1),
      ((after - base) / MB).toFixed(1),
      (sum((each) => each.size) / MB).toFixed(1),
      (sum((each) => each.bytes) / MB).toFixed(2),
      String((sent.at(-1)?.reports ?? reports) - reports),
      mode === 'time' ? ((used.user + used.system) / 1000).toFixed(0) : '',
    ])
    reports = sent.at(-1)?.reports ?? reports
    worst.turnMs = Math.max(worst.turnMs, turnMs)
    worst.stallMs = Math.max(worst.stallMs, stallMs)
    worst.heapMb = Math.max(worst.heapMb, heapMb)
    // The garbage collection above must not count as a stall of the agent.
    await new Promise((resolve) => setTimeout(resolve, 20))
    delay.reset()
    turnMs = 0
    peak = after
    cpu = process.cpuUsage()
  }
  delay.disable()
  clearInterval(sampling)
  await agent.stop()
  platform.stop()
  return worst
}

/**
 * Returns the CPU time of the event loop's thread. Between two samples, the loop was blocked: however busy the machine
 * is, this time is the agent's own.
 */
function threadMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** Returns the longest stall of an idle process, which other processes on this machine cause. */
async function idleStall(): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  await new Promise((resolve) => setTimeout(resolve, INTERVAL))
  delay.disable()
  return delay.max / 1e6
}

function print(round: number, cells: readonly string[]): void {
  console.log(`${String(round).padStart(5)}${cells.map((cell, index) => cell.padStart(WIDTHS[index] ?? 0)).join('')}`)
}

function verdict(what: string, isMet: boolean): void {
  console.log(`Target: ${what}: ${isMet ? 'met' : 'MISSED'}`)
}

const HEADS = [
  'longest turn, CPU ms',
  'longest stall ms',
  'peak heap MB',
  'heap after MB',
  'JSON MB',
  'sent MB',
  'reports',
  'CPU ms',
]
const WIDTHS = HEADS.map((head) => head.length + 3)
const head = `round${HEADS.map((text, index) => text.padStart(WIDTHS[index] ?? 0)).join('')}`

console.log(`${cpus().length} processors, load ${loadavg()[0]?.toFixed(1)}, Node ${process.versions.node}`)
console.log(`${ENTITIES} entities, ${ENTITIES * POINTS_EACH} points`)
console.log(`Longest stall of a process that does nothing: ${(await idleStall()).toFixed(1)} ms`)
const all: Record<Mode, Worst[]> = { time: [], memory: [] }
for (const mode of ['time', 'memory'] as const)
  for (const same of [false, true]) {
    const what = same ? 'the same entity objects in every round' : 'new entity objects, one in a hundred has changed'
    console.log(`\n${mode === 'time' ? 'As it runs' : 'Without garbage'}: ${what}\n${head}`)
    all[mode].push(await measure(mode, same))
  }
const turn = Math.max(...all.time.map(({ turnMs }) => turnMs))
const stall = Math.max(...all.time.map(({ stallMs }) => stallMs))
const live = Math.max(...all.memory.map(({ heapMb }) => heapMb))
console.log()
verdict(
  `the agent never blocks the event loop for more than ${TARGET_DELAY_MS} ms (CPU time: ${turn.toFixed(0)} ms; on this machine: ${stall.toFixed(0)} ms)`,
  turn <= TARGET_DELAY_MS,
)
verdict(`less than ${TARGET_HEAP_MB} MB beside what the collector holds (${live.toFixed(0)} MB)`, live < TARGET_HEAP_MB)
