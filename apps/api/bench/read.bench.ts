/**
 * Measures questions to a store of 20 million points and 1.5 million events, with reports and probes beside them, and
 * compares the times with targets. The store is created once, in a temporary folder, and its points are packed as after
 * the upgrade of an older store. Takes three minutes, and five more the first time.
 *
 *     npm run bench -- read [seconds for each question]
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { openStore } from '../src/store/open-store.ts'

const SECONDS = Number(process.argv[2] ?? 5)

const AGENTS = 50
const SERIES = 1000
const POINTS_PER_SERIES = 20_160
const EVENTS = 1_500_000
const INTERVAL_MS = 30_000
const DAY_MS = 86_400_000

/** Requests per second beside the questions. */
const REPORTS_PER_SECOND = 20
const PROBES_PER_SECOND = 50

/** SQL for values of gauges: bytes in pages, hundredths, quotients and constants. Points are packed by their values. */
const GAUGES = `case series.id % 4
  when 0 then 4096.0 * (100000 + ${random(200)})
  when 1 then (5000 + ${random(2000)}) / 100.0
  when 2 then (300.0 + ${random(60)}) / (2990 + ${random(20)})
  else 50 end`

const TOKEN = 'token-of-the-benchmark'
const folder = join(tmpdir(), 'rca-bench-read')
const database = join(folder, 'noisy.sqlite')
mkdirSync(folder, { recursive: true })
if (!existsSync(database)) await createDatabase()
await packPoints()
const newest = newestPoint()

/** Name, and path below `/api/v1`. */
const QUESTIONS: readonly (readonly [name: string, path: string])[] = [
  ['none', ''],
  ['avg, 100 series, 1 hour', metrics('requests.a', 'avg', DAY_MS / 24, 100)],
  ['avg, 100 series, 24 hours', metrics('requests.a', 'avg', DAY_MS, 100)],
  ['avg, 100 series, 7 days', metrics('requests.a', 'avg', 7 * DAY_MS, 100)],
  ['rate, 100 series, 7 days', metrics('requests.a', 'rate', 7 * DAY_MS, 100)],
  ['rate, 500 series, 7 days', metrics('requests.b', 'rate', 7 * DAY_MS, 500)],
  ['1 series, 7 days, every point', `${metrics('cpu', 'last', 7 * DAY_MS, 9)}&step=30s`],
  ['events, the newest', 'events?limit=100'],
  ['events, 1000', 'events?limit=1000'],
  ['events, severity that none has', 'events?severity=critical'],
  ['events, name that none has', 'events?name=container.other'],
  ['events, entity that none has', 'events?entity_type=container&entity_id=other'],
  ['events, environment that none has', 'events?environment=other'],
  ['events, conditions that never meet', 'events?severity=error&name=container.3&environment=bench'],
  ['events, text that none has', 'events?text=other-text'],
  ['entities, 1000', `agents/${agentId(1)}/entities?limit=1000`],
]

const child = spawn(
  process.execPath,
  ['--conditions=@rca/source', fileURLToPath(new URL('../src/main.ts', import.meta.url))],
  {
    env: {
      ...process.env,
      PORT: '0',
      DATABASE_URL: `sqlite:${database}`,
      RCA_RATE_LIMIT: '1000000000',
      RCA_RETENTION: '3650d',
      // A busy machine must not end the measurement.
      RCA_READ_TIMEOUT: '10m',
      RCA_MAX_EVENTS_PER_MINUTE: '1000000',
      LOG_LEVEL: 'warn',
      RCA_ADMIN_TOKEN: TOKEN,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  },
)
try {
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const { url } = JSON.parse(line) as { url: string }
  const agentToken = await provision(url)
  await measure(url, agentToken, '')
  console.log(
    `${'question'.padEnd(36)}${['answers', 'p50 ms', 'p99 ms', 'ingest p50', 'p99', 'healthz p50', 'p99', 'RSS MB', 'refused'].map((title) => title.padStart(12)).join('')}`,
  )
  const measured = new Map<string, Figures>()
  for (const [name, path] of QUESTIONS) {
    const figures = await measure(url, agentToken, path)
    measured.set(name, figures)
    console.log(name.padEnd(36) + format(figures))
  }
  if (!meetsTargets(measured)) process.exitCode = 1
} finally {
  child.kill('SIGTERM')
  await once(child, 'exit')
}

/** Number of answers, milliseconds, and megabytes of memory. */
interface Figures {
  readonly answers: number
  /** Reports that were refused because too many waited. */
  readonly refused: number
  readonly times: readonly number[]
  readonly healthP99: number
  readonly ingestP99: number
  readonly questionP50: number
  readonly memory: number
}

/** Returns the columns of the table. */
function format({ answers, times, memory, refused }: Figures): string {
  return [answers, ...times, memory, refused]
    .map((value, index) => value.toFixed(index === 0 || index > 6 ? 0 : 1).padStart(12))
    .join('')
}

/** Prints the figures that have targets. */
function meetsTargets(measured: ReadonlyMap<string, Figures>): boolean {
  const most = (figure: 'healthP99' | 'ingestP99' | 'memory'): number =>
    Math.max(...[...measured.values()].map((figures) => figures[figure]))
  const question = (name: string): number => measured.get(name)?.questionP50 ?? Number.NaN
  const targets: readonly (readonly [name: string, value: number, target: number, unit: string])[] = [
    ['healthz, the highest p99', most('healthP99'), 50, 'ms'],
    ['ingest, the highest p99', most('ingestP99'), 200, 'ms'],
    ['rate, 100 series, 7 days, p50', question('rate, 100 series, 7 days'), 1000, 'ms'],
    ['rate, 500 series, 7 days, p50', question('rate, 500 series, 7 days'), 4000, 'ms'],
    ['memory', most('memory'), 600, 'MB'],
  ]
  console.log()
  for (const [name, value, target, unit] of targets)
    console.log(
      `${name.padEnd(36)}${value.toFixed(0).padStart(8)} ${unit}, target ${target} ${unit}${value < target ? '' : ': missed'}`,
    )
  return targets.every(([, value, target]) => value < target)
}

/** Asks one question after the other, with reports and probes beside it. */
async function measure(url: string, agentToken: string, path: string): Promise<Figures> {
  const end = performance.now() + SECONDS * 1000
  const [questions, reports, probes]: [number[], number[], number[]] = [[], [], []]
  let refused = 0
  const asking = async (): Promise<void> => {
    while (path !== '' && performance.now() < end)
      questions.push(await timed(() => get(`${url}/api/v1/${path}`, { authorization: `Bearer ${TOKEN}` })))
  }
  await Promise.all([
    asking(),
    repeat(REPORTS_PER_SECOND, end, async (turn) => {
      const time = await timed(async () => {
        if (!(await send(url, agentToken, turn))) refused += 1
      })
      reports.push(time)
    }),
    repeat(PROBES_PER_SECOND, end, async () => probes.push(await timed(() => get(`${url}/healthz`, {})))),
  ])
  const text = await get(`${url}/metrics`, { authorization: `Bearer ${TOKEN}` })
  const memory = Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]) / 1e6
  return {
    answers: questions.length,
    refused,
    times: [questions, reports, probes].flatMap((list) => [at(list, 0.5), at(list, 0.99)]),
    questionP50: at(questions, 0.5),
    ingestP99: at(reports, 0.99),
    healthP99: at(probes, 0.99),
    memory,
  }
}

/** Starts a call so many times a second, without waiting for the one before. */
async function repeat(perSecond: number, end: number, call: (turn: number) => Promise<unknown>): Promise<void> {
  const calls: Promise<unknown>[] = []
  const start = performance.now()
  for (let turn = 0; performance.now() < end; turn += 1) {
    const result = call(turn)
    // A failure ends the measurement below, not this process: the API must be stopped first.
    result.catch(() => undefined)
    calls.push(result)
    await setTimeout(Math.max(0, start + ((turn + 1) * 1000) / perSecond - performance.now()))
  }
  await Promise.all(calls)
}

async function timed(call: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await call()
  return performance.now() - start
}

function at(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

async function get(url: string, headers: Record<string, string>): Promise<string> {
  const response = await fetch(url, { headers })
  const text = await response.text()
  if (response.status !== 200) throw new Error(`${url} ${response.status} ${text}`)
  return text
}

/** Sends a report of 200 points and an event. Returns false if the platform refused it because too many waited. */
async function send(url: string, token: string, turn: number): Promise<boolean> {
  const id = `${Date.now().toString(16).padStart(12, '0')}7000800000${(turn % 0xffffff).toString(16).padStart(10, '0')}`
  const entity = { type: 'host', id: 'h' }
  const report = {
    report_id: `${id.slice(0, 8)}-${id.slice(8, 12)}-${id.slice(12, 16)}-${id.slice(16, 20)}-${id.slice(20)}`,
    agent_id: agentId(1000),
    agent_type: 'server',
    agent_version: '1.0.0',
    sequence: turn,
    timestamp: new Date().toISOString(),
    data: {
      entities: [],
      metrics: Array.from({ length: 200 }, (_, index) => ({
        name: `system.metric.${index % 50}`,
        value: Math.random(),
        unit: 'By',
        kind: 'gauge',
        entity,
        attributes: { index },
      })),
      events: [
        { name: 'host.restarted', at: new Date().toISOString(), severity: 'info', entity, body: 'b', attributes: {} },
      ],
      gaps: [],
    },
  }
  const response = await fetch(`${url}/api/v1/agent/data`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'content-encoding': 'gzip' },
    body: new Uint8Array(gzipSync(JSON.stringify({ reports: [report] }), { level: 1 })),
  })
  const text = await response.text()
  if (response.status !== 202 && response.status !== 429) throw new Error(`${response.status} ${text}`)
  return response.status === 202
}

async function provision(url: string): Promise<string> {
  const response = await fetch(`${url}/api/v1/agent/provision`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ agent_type: 'server', environment_name: 'ingest' }),
  })
  return ((await response.json()) as { agent_token: string }).agent_token
}

function metrics(name: string, aggregate: string, rangeMs: number, limit: number): string {
  const [from, to] = [newest - rangeMs, newest].map((time) => new Date(time).toISOString())
  return `metrics?name=${name}&aggregate=${aggregate}&from=${from}&to=${to}&limit=${limit}`
}

function agentId(number: number): string {
  return `00000000-0000-5000-8000-${String(number).padStart(12, '0')}`
}

function newestPoint(): number {
  const file = new DatabaseSync(database, { readOnly: true })
  const row = file.prepare('select max(at) as at from points where series_id = 1').get()
  file.close()
  return Number(row?.at) + 1
}

/** Packs the points of the store, and prints what a point takes before and after. */
async function packPoints(): Promise<void> {
  const before = pointSizes()
  const store = await openStore(`sqlite:${database}`)
  const start = performance.now()
  const eventLoop = monitorEventLoopDelay({ resolution: 1 })
  eventLoop.enable()
  const packed = await store.pack(Date.now(), new AbortController().signal)
  eventLoop.disable()
  const seconds = (performance.now() - start) / 1000
  await store.close()
  const after = pointSizes()
  console.log(
    `${packed} points packed in ${seconds.toFixed(1)} s, event loop delayed by ${(eventLoop.max / 1e6).toFixed(0)} ms at most, p99 ${(eventLoop.percentile(99) / 1e6).toFixed(0)} ms`,
  )
  for (const [when, { points, bytes, rows }] of [['before', before] as const, ['after', after] as const])
    console.log(`${when}: ${points} points, ${(bytes / points).toFixed(2)} bytes per point, ${rows} points not packed`)
}

/** Returns the number of points, and the bytes of their pages in the database. */
function pointSizes(): { points: number; bytes: number; rows: number } {
  const file = new DatabaseSync(database)
  const read = (statement: string): number => Number(Object.values(file.prepare(statement).get() ?? {})[0] ?? 0)
  const hasBlocks = read("select count(*) from sqlite_schema where name = 'point_blocks'") > 0
  const rows = read('select count(*) from points')
  const points = rows + (hasBlocks ? read('select sum(count) from point_blocks') : 0)
  const bytes = read("select sum(pgsize) from dbstat where name in ('points', 'point_blocks')")
  file.close()
  return { points, bytes, rows }
}

/** SQL for a whole number below a limit. */
function random(limit: number): string {
  return `(abs(random()) % ${limit})`
}

/** Creates the store with statements instead of reports, in a minute. */
async function createDatabase(): Promise<void> {
  const path = join(folder, 'creating.sqlite')
  rmSync(path, { force: true })
  console.log(`creating ${database}`)
  await (await openStore(`sqlite:${path}`)).close()
  const file = new DatabaseSync(path)
  const now = Date.now()
  const start = now - 7 * DAY_MS
  file.exec(`pragma journal_mode = delete; pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -400000;
    insert into environments values ('bench', ${now})`)
  const numbers = (count: number): string =>
    `with recursive numbers (n) as (select 0 union all select n + 1 from numbers where n < ${count - 1})`
  file.exec(`insert into agents (environment, agent_type, agent_id, agent_version, first_seen_at, last_seen_at)
    ${numbers(AGENTS)} select 'bench', 'server', format('00000000-0000-5000-8000-%012d', n), '1', ${now}, ${now} from numbers`)
  file.exec(`insert into series (agent_key, fingerprint, name, entity_type, entity_id, attributes, unit, kind)
    ${numbers(SERIES)} select 1 + n % ${AGENTS}, 'f' || n,
      case when n < 100 then 'requests.a' when n < 600 then 'requests.b' else 'cpu' end, 'host', 'h' || n,
      json_object('index', n), '1', case when n < 600 then 'counter' else 'gauge' end from numbers`)
  file.exec(`insert into points select series.id, ${start} + ${INTERVAL_MS} * n + series.id + ${random(8)},
      case when series.id <= 600 then (n % 5000) * 1000.0 + ${random(900)} else ${GAUGES} end
    from series, (${numbers(POINTS_PER_SERIES)} select n from numbers) order by series.id, n`)
  file.exec(`insert into events (agent_key, event_id, name, at, severity, entity_type, entity_id, body, attributes)
    ${numbers(EVENTS)} select 1 + n % ${AGENTS}, 'e' || n, 'container.' || (n % 40),
      ${start} + n * ${7 * DAY_MS} / ${EVENTS}, case when n % 10 < 7 then 0 when n % 10 < 9 then 1 else 2 end, 'container',
      'c' || (n % 5000), 'The container exited with code ' || (n % 256) || ': error: connection refused',
      '{"container.image.name":"shop/orders:1.' || (n % 100) || '"}' from numbers`)
  file.exec(`insert into entities ${numbers(2000)} select 2, 'container', 'c' || n, 'c' || n,
      '{"container.image.name":"shop/orders:1.0"}', '[]', ${now}, ${now}, null, 1 from numbers`)
  file.close()
  renameSync(path, database)
}
