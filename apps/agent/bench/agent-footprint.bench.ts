/**
 * Measures the self-contained agent as a server runs it: size of its archive, time from exec to the first accepted
 * heartbeat, and memory and CPU of an idle agent with default options. prometheus-node-exporter and netdata idle beside
 * it, at the same time. Prints whether the targets are met; a missed target is not a failure.
 *
 * `npm run bench -- agent-footprint [--minutes 10]`
 */
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { hasProgram } from '@rca/rig'
import { freePort, startAcceptingPlatform, usageOf } from '@rca/rig/bench'

const TARGETS = { archiveMb: 45, firstHeartbeatMs: 1000, residentMb: 70, cpuPercent: 0.15 }
const STARTS = 5
/** Time in which a program becomes idle, in milliseconds. */
const WARM_UP_MS = 30_000
const SAMPLE_INTERVAL_MS = 5_000
/** Interval of the agent's collections by default, and of the exporter's scrapes, in milliseconds. */
const SCRAPE_INTERVAL_MS = 15_000

interface Program {
  readonly name: string
  readonly pid: number
  stop(): Promise<void>
}

interface Row {
  readonly name: string
  readonly residentMb: number
  readonly maxResidentMb: number
  readonly cpuPercent: number
}

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' } } })
const minutes = Number(values.minutes)
const root = fileURLToPath(new URL('../../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'rca-footprint-'))

if (process.platform !== 'linux') console.log('Skipped: this benchmark runs on Linux only.')
else if (!(minutes > 0)) throw new Error(`--minutes must be a positive number, got \`${values.minutes}\``)
else
  try {
    await main()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }

async function main(): Promise<void> {
  const { launcher, archiveMb } = buildArchive()
  console.log(`${cpus().length} processors, ${minutes} minutes\n`)
  const platform = await startAcceptingPlatform()
  const programs: Program[] = []
  try {
    const starts: number[] = []
    for (let start = 0; start < STARTS; start += 1) {
      const began = performance.now()
      const agent = startAgent(launcher, platform.url, start)
      await platform.nextHeartbeat()
      starts.push(performance.now() - began)
      await agent.stop()
    }
    programs.push(startAgent(launcher, platform.url, STARTS))
    programs.push(...(await startNodeExporter()), ...(await startNetdata()))
    await sleep(WARM_UP_MS)
    print(await observe(programs), archiveMb, starts.toSorted((a, b) => a - b)[Math.floor(STARTS / 2)] ?? 0)
  } finally {
    for (const program of programs) await program.stop()
    platform.close()
  }
}

/** Builds the archive of this machine's platform, and unpacks it. */
function buildArchive(): { readonly launcher: string; readonly archiveMb: number } {
  const platform = `linux-${process.arch}`
  const env = { ...process.env, RCA_ARTIFACTS_DIR: folder, RCA_SIGNING_KEY: join(folder, 'key.pem') }
  const script = ['--conditions=@rca/source', 'scripts/artifacts.ts', '--platform', platform]
  execFileSync(process.execPath, script, { cwd: root, env, stdio: ['ignore', 'ignore', 'inherit'] })
  const { files } = JSON.parse(readFileSync(join(folder, 'release.json'), 'utf8')) as {
    files: Record<string, { name: string; size: number }>
  }
  const { name, size } = files[platform]!
  execFileSync('tar', ['-xzf', join(folder, name), '-C', folder])
  return { launcher: join(folder, name.replace('.tar.gz', ''), 'bin/rca-agent'), archiveMb: size / 1e6 }
}

function startAgent(launcher: string, platformUrl: string, number: number): Program {
  return start('rca-agent', launcher, [], {
    PLATFORM_API_URL: platformUrl,
    AGENT_TOKEN: 'bench',
    AGENT_TYPE: 'server',
    RCA_STATE_DIR: join(folder, `state-${number}`),
    RCA_HEALTH_SOCKET: join(folder, `agent-${number}.sock`),
  })
}

async function startNodeExporter(): Promise<Program[]> {
  const name = 'prometheus-node-exporter'
  if (!(await hasProgram(name))) return skip(name, `apt-get install ${name}`)
  const address = `127.0.0.1:${await freePort()}`
  const exporter = start(name, name, [`--web.listen-address=${address}`])
  const timer = setInterval(() => {
    fetch(`http://${address}/metrics`)
      .then((response) => response.arrayBuffer())
      .catch((error) => console.log(`${name} was not scraped: ${String(error)}`))
  }, SCRAPE_INTERVAL_MS)
  return [
    {
      ...exporter,
      stop: () => {
        clearInterval(timer)
        return exporter.stop()
      },
    },
  ]
}

/** Starts netdata with Debian's defaults, except that its files are in a temporary folder. */
async function startNetdata(): Promise<Program[]> {
  const name = 'netdata'
  if (!(await hasProgram(name))) return skip(name, 'apt-get install netdata-core')
  const home = join(folder, name)
  const directories = ['config', 'lib', 'cache', 'log'].map((directory) => [directory, join(home, directory)] as const)
  for (const [, directory] of directories) mkdirSync(directory, { recursive: true })
  const config = join(home, 'netdata.conf')
  writeFileSync(
    config,
    [
      '[global]',
      'run as user = root',
      '[directories]',
      ...directories.map(([directory, path]) => `${directory} = ${path}`),
      '[web]',
      `bind to = 127.0.0.1:${await freePort()}`,
    ].join('\n'),
  )
  return [start(name, name, ['-D', '-c', config])]
}

function skip(name: string, command: string): [] {
  console.log(`${name} is not installed, and not measured: ${command}`)
  return []
}

function start(
  name: string,
  program: string,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Program {
  const child = spawn(program, words, { stdio: 'ignore', env: { PATH: process.env.PATH, ...env } })
  const exited = new Promise<void>((resolve) => child.on('exit', () => resolve()))
  return {
    name,
    pid: child.pid!,
    stop: () => {
      child.kill()
      return exited
    },
  }
}

/** Measures programs, each with its children, until the time is over. */
async function observe(programs: readonly Program[]): Promise<Row[]> {
  const began = performance.now()
  const first = programs.map(({ pid }) => usageOfTree(pid))
  const samples = programs.map((): number[] => [])
  while (performance.now() - began < minutes * 60_000) {
    await sleep(SAMPLE_INTERVAL_MS)
    for (const [index, { pid }] of programs.entries()) samples[index]!.push(usageOfTree(pid).residentMb)
  }
  const elapsed = performance.now() - began
  return programs.map(({ name, pid }, index) => ({
    name,
    residentMb: samples[index]!.reduce((sum, sample) => sum + sample, 0) / samples[index]!.length,
    maxResidentMb: Math.max(...samples[index]!),
    cpuPercent: ((usageOfTree(pid).cpu - first[index]!.cpu) / elapsed) * 100,
  }))
}

function usageOfTree(pid: number): ReturnType<typeof usageOf> {
  const own = usageOf(pid)
  for (const child of childrenOf(pid))
    try {
      const { cpu, residentMb } = usageOfTree(child)
      own.cpu += cpu
      own.residentMb += residentMb
    } catch {
      // It has ended by now.
    }
  return own
}

function childrenOf(pid: number): number[] {
  const lists = readdirSync(`/proc/${pid}/task`).map((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8'),
  )
  return lists.join('').split(' ').filter(Boolean).map(Number)
}

function print(rows: readonly Row[], archiveMb: number, firstHeartbeatMs: number): void {
  console.log(`\n${''.padEnd(28)}${'RSS MB'.padStart(9)}${'max'.padStart(9)}${'CPU %'.padStart(9)}`)
  for (const { name, residentMb, maxResidentMb, cpuPercent } of rows)
    console.log(
      `${name.padEnd(28)}${residentMb.toFixed(1).padStart(9)}${maxResidentMb.toFixed(1).padStart(9)}${cpuPercent.toFixed(3).padStart(9)}`,
    )
  const agent = rows[0]!
  console.log()
  printTarget('archive', archiveMb, TARGETS.archiveMb, 'MB')
  printTarget('first accepted heartbeat after exec', firstHeartbeatMs, TARGETS.firstHeartbeatMs, 'ms')
  printTarget('memory of the idle agent, at most', agent.maxResidentMb, TARGETS.residentMb, 'MB')
  printTarget('CPU of the idle agent', agent.cpuPercent, TARGETS.cpuPercent, '% of a core')
}

function printTarget(what: string, value: number, target: number, unit: string): void {
  const digits = unit === 'ms' ? 0 : unit === 'MB' ? 1 : 3
  console.log(
    `Target: ${what} below ${target} ${unit}: ${value < target ? 'met' : 'MISSED'} (${value.toFixed(digits)} ${unit})`,
  )
}
