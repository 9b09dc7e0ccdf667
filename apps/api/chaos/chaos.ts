/**
 * Runs agents, readers and attackers against an API that is killed, whose disk is full and whose clock jumps, and
 * checks at the end that everything acknowledged is stored, once, and that no answer was 500.
 *
 *     npm run chaos -- --minutes 60
 *
 * As root on Linux, the database is on a small disk of its own that is filled. With Debian's `libfaketime`, the clock
 * of the API jumps. Exits with 1 when something is lost, stored twice, answered with 500, or damaged.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createAnswers } from './answers.ts'
import { attack } from './attackers.ts'
import { createFakeClock, createSmallDisk } from './disturbances.ts'
import { createPlatform } from './platform.ts'
import { readEverything } from './readers.ts'
import { createChaosAgent } from './reporting-agent.ts'

const AGENTS = 8
const ENVIRONMENT = 'chaos'
/** The largest jump is shorter than the retention: a later report makes older data as old as it seems. */
const CLOCK_JUMPS_SECONDS = [3 * 3600, -3 * 3600, 86_400, -86_400, 0]

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '3' } } })
const minutes = Number(values.minutes)
if (!(minutes > 0 && minutes <= 24 * 60)) {
  console.error(`\`--minutes\` must be a number from 1 to 1440, got "${values.minutes}".`)
  process.exit(2)
}

const folder = mkdtempSync(join(tmpdir(), 'rca-chaos-'))
const disk = createSmallDisk(join(folder, 'data'))
const clock = createFakeClock(join(folder, 'clock'))
const answers = createAnswers()
const platform = createPlatform({ folder: disk.folder, environment: clock?.environment ?? {} })
const counts = { kills: 0, fullDisks: 0, jumps: 0 }

try {
  const isSound = await run()
  process.exitCode = isSound ? 0 : 1
} finally {
  await platform.kill()
  disk.remove()
  rmSync(folder, { recursive: true, force: true })
}

async function run(): Promise<boolean> {
  console.log(`disk: ${disk.isSmall ? '64 MiB, which is filled' : 'not filled: this needs root on Linux'}`)
  console.log(`clock: ${clock === undefined ? 'does not jump: install libfaketime' : 'jumps'}`)
  await platform.start()
  const token = await platform.provision(ENVIRONMENT)
  const evil = await platform.provision('attackers')
  const stop = AbortSignal.timeout(minutes * 60_000)
  const agents = Array.from({ length: AGENTS }, (_, index) => createChaosAgent(platform, answers, token, index))
  const running = [
    ...agents.map((agent) => agent.run(stop)),
    readEverything(platform, answers, stop),
    readEverything(platform, answers, stop),
    attack(platform, answers, evil, stop),
    disturb(stop),
  ]
  await Promise.all(running)

  disk.free()
  clock?.set(0)
  if (!platform.isRunning()) await platform.start()
  await Promise.all(agents.map((agent) => agent.flush()))
  const ledgers = []
  for (const agent of agents) ledgers.push(await agent.compare())
  await platform.stop()
  const problems = platform.check()
  return printLedger(ledgers, problems)
}

/** Disturbs the platform in turn, with times to recover. */
async function disturb(stop: AbortSignal): Promise<void> {
  const pause = (seconds: number) => sleep(seconds * 1000, undefined, { signal: stop }).catch(() => undefined)
  for (let round = 0; !stop.aborted; round += 1) {
    await pause(8 + Math.random() * 8)
    if (stop.aborted) return
    if (round % 3 === 1 && disk.isSmall) {
      counts.fullDisks += 1
      disk.fill()
      await pause(6)
      // Killed while the disk is full, every other time.
      if (counts.fullDisks % 2 === 0) await restart()
      disk.free()
    } else if (round % 3 === 2 && clock !== undefined) {
      clock.set(CLOCK_JUMPS_SECONDS[counts.jumps++ % CLOCK_JUMPS_SECONDS.length] ?? 0)
      await pause(6)
      if (counts.jumps % 2 === 0) clock.set(0)
    } else await restart()
  }
}

async function restart(): Promise<void> {
  counts.kills += 1
  await platform.kill()
  disk.free()
  await platform.start()
}

interface Ledger {
  readonly acknowledged: number
  readonly lost: readonly string[]
  readonly twice: readonly string[]
}

function printLedger(ledgers: readonly Ledger[], problems: readonly string[]): boolean {
  const acknowledged = ledgers.reduce((sum, ledger) => sum + ledger.acknowledged, 0)
  const lost = ledgers.flatMap((ledger) => ledger.lost)
  const twice = ledgers.flatMap((ledger) => ledger.twice)
  const rows: readonly (readonly [string, string | number])[] = [
    ['SIGKILLs', counts.kills],
    ['full disks', counts.fullDisks],
    ['jumps of the clock', counts.jumps],
    ['reports acknowledged', acknowledged],
    ['acknowledged and lost', lost.length],
    ['stored twice', twice.length],
    ['problems of the database', problems.length],
    ...answers.rows(),
  ]
  for (const [name, value] of rows) console.log(`${name.padEnd(36)}${value}`)
  for (const text of [...lost.slice(0, 10), ...twice.slice(0, 10), ...problems, ...answers.failures()])
    console.log(`  ${text}`)
  const isSound = lost.length + twice.length + problems.length + answers.failures().length === 0 && acknowledged > 0
  if (!isSound) console.log(platform.lastErrors())
  console.log(isSound ? 'Everything acknowledged is stored, once.' : 'FAILED')
  return isSound
}
