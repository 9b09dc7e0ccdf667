/**
 * Measures a collection of the server connector beside prometheus-node-exporter and psutil, on the same machine in the
 * same run. Times are CPU time, user and system. Prints whether the targets are met; a missed target is not a failure.
 */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { collectContext, connectContext, runCollector } from '@rca/connector-testkit'
import type { Signals } from '@rca/core/connector'
import { agentFlags, freePort, measureAgentProcess, usageOf } from '@rca/rig/bench'
import { server } from '../src/index.ts'
import { cpuOf } from './cpu-of.ts'

const ROUNDS = 200
/** Collections that psutil's reading of the same values costs. */
const TARGET_RATIO = 2
/** CPU of the agent's process for a report. */
const TARGET_PROCESS_CPU_MS = 5
const TARGET_RESIDENT_MB = 80
const [AGENT, PROCESS, PSUTIL] = ['agent.collectMetrics(), as deployed', 'rca-agent process', 'python3-psutil']

interface Row {
  readonly what: string
  readonly cpuMs?: number
  readonly residentMb?: number
  readonly note?: string
}

if (process.platform !== 'linux') {
  console.log('Skipped: this benchmark runs on Linux only.')
} else {
  const count = readdirSync('/proc').filter((name) => /^\d/.test(name)).length
  console.log(
    `${cpus().length} processors, ${count} processes, Node ${process.versions.node}, ${ROUNDS} collections each\n`,
  )
  const collectors = await measureCollectors()
  const agent = measureAgent()
  const others = [...(await measureServerAgent()), ...(await measureNodeExporter()), ...measurePsutil()]
  print([...collectors, ...agent, ...others], agent[0]?.cpuMs)
}

/** Measures the collectors without core: all together, and each. */
async function measureCollectors(): Promise<Row[]> {
  const parsed = await server.config['~standard'].validate({})
  if (parsed.issues !== undefined) throw new Error('the default options are invalid')
  const client = await server.connect(connectContext(parsed.value))
  const names = Object.keys(server.collectors)
  const contexts = new Map(names.map((name) => [name, collectContext()]))
  const collect = (name: string): Promise<Signals> =>
    runCollector(server.collectors[name]!, client, contexts.get(name)!)
  const facts = await cpuOf(1, () => collect('host'))
  const together = await cpuOf(ROUNDS, () => Promise.all(names.map(collect)), 10)
  const rows: Row[] = [{ what: 'collectors without core, optimised', cpuMs: together }]
  for (const name of names) rows.push({ what: `  ${name}`, cpuMs: await cpuOf(ROUNDS, () => collect(name), 10) })
  rows.push({
    what: '  host facts',
    cpuMs: facts,
    note: 'at start and once an hour, without the programs that it starts',
  })
  await server.disconnect?.(client)
  return rows
}

/**
 * Measures collections through core with the flags of the deployed agent: timeouts, validation, redaction, the
 * report.
 */
function measureAgent(): Row[] {
  const script = join(import.meta.dirname, 'collect-rounds.ts')
  const flags = ['--conditions=@rca/source', ...agentFlags()]
  const output = execFileSync(process.execPath, [...flags, script, String(ROUNDS)], { encoding: 'utf8' })
  const { first, later } = JSON.parse(output) as { first: number; later: number }
  return [
    {
      what: AGENT,
      cpuMs: later,
      note: `without optimising compilers, as the agent runs; ${first.toFixed(2)} ms in the first 20`,
    },
  ]
}

/** Measures the deployed agent against a platform that accepts everything: collection, heartbeats, outbox, delivery. */
async function measureServerAgent(): Promise<Row[]> {
  const { cpuMs, residentMb, reports, skipped } = await measureAgentProcess({ AGENT_TYPE: 'server' })
  const what = PROCESS
  if (cpuMs === undefined || residentMb === undefined) return [{ what, note: `skipped: ${skipped}` }]
  const note = `collecting every second, with heartbeats, gzip and HTTP; ${reports} reports`
  return [{ what, cpuMs, residentMb, note }]
}

/** Measures a scrape, the counterpart of a collection. */
async function measureNodeExporter(): Promise<Row[]> {
  const what = 'prometheus-node-exporter, a scrape'
  const program = ['/usr/bin/prometheus-node-exporter', '/usr/local/bin/node_exporter'].find((file) => existsSync(file))
  if (program === undefined) return [{ what, note: 'skipped: run `apt-get install prometheus-node-exporter`' }]
  const address = `127.0.0.1:${await freePort()}`
  const exporter = spawn(program, [`--web.listen-address=${address}`], { stdio: 'ignore' })
  try {
    const scrape = async (): Promise<void> => void (await (await fetch(`http://${address}/metrics`)).text())
    for (let attempt = 1; ; attempt += 1) {
      try {
        await scrape()
        break
      } catch (error) {
        if (attempt === 50) return [{ what, note: `skipped: it did not answer within 5 s (${String(error)})` }]
        await sleep(100)
      }
    }
    for (let round = 0; round < 10; round += 1) await scrape()
    const before = usageOf(exporter.pid!)
    for (let round = 0; round < ROUNDS; round += 1) await scrape()
    const after = usageOf(exporter.pid!)
    return [{ what, cpuMs: (after.cpu - before.cpu) / ROUNDS, residentMb: after.residentMb, note: 'without processes' }]
  } finally {
    exporter.kill()
  }
}

function measurePsutil(): Row[] {
  const what = PSUTIL
  try {
    const script = join(import.meta.dirname, 'psutil-rounds.py')
    const output = execFileSync('/usr/bin/python3', [script, String(ROUNDS)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const [machine = Number.NaN, processes = Number.NaN, residentMb = Number.NaN] = output.trim().split(' ').map(Number)
    return [
      { what: `${what}, host only`, cpuMs: machine, residentMb, note: 'without processes' },
      { what: `${what}, processes only`, cpuMs: processes },
      { what: `${what}, both`, cpuMs: machine + processes, residentMb },
    ]
  } catch {
    return [{ what, note: 'skipped: run `apt-get install python3-psutil`' }]
  }
}

function print(rows: readonly Row[], own: number | undefined): void {
  const cell = (value: number | undefined, digits: number): string => (value === undefined ? '' : value.toFixed(digits))
  console.log(`${''.padEnd(42)}${'CPU ms'.padStart(9)}${'× ours'.padStart(9)}${'RSS MB'.padStart(9)}`)
  for (const { what, cpuMs, residentMb, note = '' } of rows) {
    const ratio = cpuMs === undefined || own === undefined || what.startsWith(' ') ? '' : (cpuMs / own).toFixed(1)
    const numbers = `${cell(cpuMs, 2).padStart(9)}${ratio.padStart(9)}${cell(residentMb, 0).padStart(9)}`
    console.log(`${what.padEnd(42)}${numbers}  ${note}`.trimEnd())
  }
  printVerdicts(rows, own)
}

function printVerdicts(rows: readonly Row[], own: number | undefined): void {
  const verdict = (what: string, isMet: boolean): void => console.log(`Target: ${what}: ${isMet ? 'met' : 'MISSED'}`)
  const find = (wanted: string): Row | undefined => rows.find(({ what }) => what === wanted)
  const psutil = find(`${PSUTIL}, both`)?.cpuMs
  const { cpuMs, residentMb } = find(PROCESS) ?? {}
  console.log()
  if (own !== undefined && psutil !== undefined)
    verdict(
      `at least ${TARGET_RATIO} times cheaper than psutil (${(psutil / own).toFixed(1)})`,
      psutil / own >= TARGET_RATIO,
    )
  if (cpuMs !== undefined)
    verdict(
      `at most ${TARGET_PROCESS_CPU_MS} ms of CPU a report (${cpuMs.toFixed(1)} ms)`,
      cpuMs <= TARGET_PROCESS_CPU_MS,
    )
  if (residentMb !== undefined)
    verdict(
      `less than ${TARGET_RESIDENT_MB} MB of memory (${residentMb.toFixed(0)} MB)`,
      residentMb < TARGET_RESIDENT_MB,
    )
}
