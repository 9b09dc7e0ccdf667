/**
 * Cost of a collection cycle over 1, 30 and 100 running containers: from the host's control groups, from the engine
 * with `one-shot`, and by `docker stats --no-stream` for comparison. Counts the CPU time of the reader and of every
 * dockerd and containerd. Never fails for a figure: it prints whether the target is met.
 */
import { execFileSync, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { BUSYBOX_IMAGE, docker, findEngine, releaseEngine } from '@rca/rig'
import { agentFlags, measureAgentProcess, measureAgentShare, usageOf } from '@rca/rig/bench'

const COUNTS = [1, 30, 100]
const TARGET_RATIO = 10
const TARGET_WALL_MS = 30
const TARGET_RESIDENT_MB = 80
/** Share of the agent's CPU that redaction may take. */
const TARGET_REDACTION = 0.05
const mine = `rca-bench-${process.pid}`

/** A line of a log with secrets and with words that only look like some. */
const LOG_LINE = 'level=info msg="order 7 is paid" user=shop password=pw-7 url=https://shop:pw@db:5432/orders?token=7'

interface Cost {
  readonly wallMs: number
  readonly cpuMs: number
  readonly points?: number
}

const { dockerHost, missing } = await findEngine(process.pid)
if (missing !== undefined) console.log(`Skipped: ${missing}.`)
else
  try {
    await measure(dockerHost)
  } finally {
    await removeContainers()
    await releaseEngine(process.pid)
  }

async function measure(host: string): Promise<void> {
  const version = await docker(host, ['version', '--format', '{{.Server.Version}}'])
  console.log(`${cpus().length} processors, Docker ${version}, Node ${process.versions.node}\n`)
  console.log(`${''.padEnd(38)}${'wall ms'.padStart(9)}${'CPU ms'.padStart(9)}${'× ours'.padStart(9)}`)
  let started = 0
  for (const count of COUNTS) {
    for (; started < count; started += 1)
      await docker(host, ['run', '-d', '--name', `${mine}-${started}`, '-m', '64m', BUSYBOX_IMAGE, 'sleep', '3600'])
    const groups = await measureReader(host, '/', 50)
    const oneShot = await measureReader(host, '/nowhere', 5)
    const peer = measurePeer(host, 3)
    print(`${count} containers: control groups`, groups, groups, `${groups.points} points`)
    print(`${' '.repeat(String(count).length)} one-shot stats`, oneShot, groups)
    print(`${' '.repeat(String(count).length)} docker stats --no-stream`, peer, groups)
    if (count === COUNTS.at(-1)) verdicts(groups, peer)
  }
  const environment = { AGENT_TYPE: 'docker', DOCKER_HOST: host }
  const { cpuMs, residentMb, skipped } = await measureAgentProcess(environment)
  if (cpuMs === undefined || residentMb === undefined) console.log(`rca-agent process: skipped, ${skipped}`)
  else {
    const all = `${cpuMs.toFixed(1)} ms of CPU a report, with heartbeats, gzip and HTTP, collecting every second`
    console.log(`\nrca-agent process, ${started} containers: ${residentMb.toFixed(0)} MB, ${all}`)
    verdict(`less than ${TARGET_RESIDENT_MB} MB of memory`, residentMb < TARGET_RESIDENT_MB)
  }
  const crashes = startCrashes(host)
  const share = await measureAgentShare(environment, '/redaction/')
  await crashes.stop()
  if (typeof share === 'string') console.log(`redaction: skipped, ${share}`)
  else verdict(`redaction at most 5 % of the agent's CPU (${(share * 100).toFixed(1)} %)`, share <= TARGET_REDACTION)
}

/** Runs containers that crash with a long log, one after the other: without text, there is nothing to redact. */
function startCrashes(host: string): { stop(): Promise<void> } {
  let isOver = false
  const run = async (): Promise<void> => {
    for (let number = 0; !isOver; number += 1) {
      const script = 'i=0; while [ $i -lt 150 ]; do i=$((i+1)); echo "$i $0"; done; exit 3'
      const words = ['--rm', '--network', 'none', '--name', `${mine}-crash-${number}`, BUSYBOX_IMAGE]
      await docker(host, ['run', ...words, 'sh', '-c', script, LOG_LINE]).catch(() => undefined)
    }
  }
  const running = run()
  return {
    stop: () => {
      isOver = true
      return running
    },
  }
}

function verdicts(groups: Cost, peer: Cost): void {
  console.log()
  verdict(
    `control groups at most 1/${TARGET_RATIO} of docker stats' CPU (${(peer.cpuMs / groups.cpuMs).toFixed(0)} times less)`,
    groups.cpuMs * TARGET_RATIO <= peer.cpuMs,
  )
  verdict(`less than ${TARGET_WALL_MS} ms (${groups.wallMs.toFixed(1)} ms)`, groups.wallMs < TARGET_WALL_MS)
}

function verdict(what: string, isMet: boolean): void {
  console.log(`Target: ${what}: ${isMet ? 'met' : 'MISSED'}`)
}

function print(what: string, cost: Cost, ours: Cost, note = ''): void {
  const numbers = [cost.wallMs.toFixed(1), cost.cpuMs.toFixed(1), (cost.cpuMs / ours.cpuMs).toFixed(1)]
  console.log(`${what.padEnd(38)}${numbers.map((number) => number.padStart(9)).join('')}  ${note}`.trimEnd())
}

async function measureReader(host: string, rootPath: string, cycles: number): Promise<Cost> {
  const script = join(import.meta.dirname, 'collect-cycles.ts')
  const flags = ['--conditions=@rca/source', ...agentFlags()]
  const reader = spawn(process.execPath, [...flags, script, host, rootPath, String(cycles)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: reader.stdout })[Symbol.asyncIterator]()
  await lines.next()
  const before = engineCpu()
  reader.stdin.write('go\n')
  const { value } = await lines.next()
  const cost = JSON.parse(String(value)) as Required<Cost>
  return { ...cost, cpuMs: cost.cpuMs + (engineCpu() - before) / cycles }
}

/** Measures the CLI and the work that it causes in the engine. */
function measurePeer(host: string, cycles: number): Cost {
  const before = { wall: performance.now(), engine: engineCpu() }
  const script = `i=0; while [ $i -lt ${cycles} ]; do docker stats --no-stream >/dev/null; i=$((i+1)); done; times`
  const output = execFileSync('sh', ['-c', script], { env: { ...process.env, DOCKER_HOST: host }, encoding: 'utf8' })
  // The second line counts the shell's child processes (POSIX, `times`).
  const [user = 0, system = 0] = (output.split('\n')[1] ?? '').split(' ').map((time) => {
    const [, minutes = '0', seconds = '0'] = /(\d+)m([\d.]+)s/.exec(time) ?? []
    return Number(minutes) * 60_000 + Number(seconds) * 1000
  })
  return {
    wallMs: (performance.now() - before.wall) / cycles,
    cpuMs: (user + system + engineCpu() - before.engine) / cycles,
  }
}

/** Returns the CPU time of every dockerd and containerd on this machine, in milliseconds. */
function engineCpu(): number {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && ['dockerd', 'containerd'].includes(nameOf(name)))
    .reduce((sum, pid) => sum + usageOf(Number(pid)).cpu, 0)
}

function nameOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return ''
  }
}

async function removeContainers(): Promise<void> {
  const ids = (await docker(dockerHost, ['ps', '--all', '--quiet', '--filter', `name=${mine}`])).split('\n')
  const left = ids.filter(Boolean)
  if (left.length > 0) await docker(dockerHost, ['rm', '--force', ...left], 120_000)
}
