import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { checks, type Fault, type Scenario, type ScenarioSystem, summarize } from '@rca/connector-testkit'
import { testConformance } from '@rca/rig/conformance'
import type { TemporaryDirectory } from '@rca/rig/temporary-directory'
import { fixture, fixtureRoot } from '../test/fixture-root.ts'
import { server } from './index.ts'

const CANARY = 'canary-of-a-secret'

/** Files of the kernel, and whether a fault leaves them empty. */
const FILES: Readonly<Record<string, 'filled' | 'perhaps empty'>> = {
  'proc/stat': 'filled',
  'proc/meminfo': 'filled',
  'proc/uptime': 'filled',
  'proc/1/net/dev': 'filled',
  'proc/1/mountinfo': 'filled',
  'proc/diskstats': 'perhaps empty',
  'proc/loadavg': 'perhaps empty',
  'proc/vmstat': 'perhaps empty',
}

/** The captured machine, whose files a fault replaces. */
async function start(): Promise<ScenarioSystem & { readonly root: TemporaryDirectory }> {
  const root = fixtureRoot()
  root.write('proc/5611/cmdline', `server\0--password=${CANARY}\0`)
  root.write('proc/5611/environ', `API_KEY=${CANARY}\0`)
  root.write('etc/server.conf', `password = ${CANARY}\n`)
  let changes = 0
  /** Replaces a file until the fault ends. */
  const replacing =
    (file: string, replace: () => void): Fault =>
    () => {
      root.remove(file)
      replace()
      return () => {
        root.remove(file)
        root.write(file, fixture(`linux-vm/${file}`))
      }
    }
  return {
    root,
    options: { root_path: root.path },
    faults: Object.fromEntries(
      Object.entries(FILES).flatMap(([file, content]) => [
        [`/${file} cannot be read`, replacing(file, () => mkdirSync(join(root.path, file)))],
        ...(content === 'filled' ? [[`/${file} is empty`, replacing(file, () => root.write(file, ''))] as const] : []),
      ]),
    ),
    act: () => {
      changes += 1
      root.write('etc/server.conf', `password = ${changes}-${CANARY}\n`)
    },
    actEvents: ['host.file_changed'],
    secrets: [CANARY],
    environment: [CANARY],
    close: () => rmSync(root.path, { recursive: true, force: true }),
  }
}

/** The captured machine with two more disks: each time, one fails, and memory runs out. */
async function startFailing(): Promise<ScenarioSystem> {
  const { root, ...system } = await start()
  const disks = ['1', '2']
  const disk = (name: string, isFailed: boolean): string =>
    `7${name} 43 254:1${name} / /srv/${name} rw,relatime - ext4 /dev/vd${name} ${isFailed ? 'ro' : 'rw'}\n`
  const mount = (failed: readonly string[]): void =>
    root.write(
      'proc/1/mountinfo',
      fixture('linux-vm/proc/1/mountinfo') + disks.map((name) => disk(name, failed.includes(name))).join(''),
    )
  for (const name of disks) mkdirSync(join(root.path, 'srv', name), { recursive: true })
  mount([])
  let failures = 0
  return {
    options: system.options ?? {},
    act: () => {
      failures += 1
      root.write('proc/vmstat', fixture('linux-vm/proc/vmstat').replace(/oom_kill \d+/, `oom_kill ${failures + 1}`))
      root.write(
        'proc/pressure/memory',
        fixture('linux-vm/proc/pressure/memory').replaceAll('avg10=0.00', 'avg10=60.00'),
      )
      mount(disks.slice(0, failures))
    },
    actEvents: ['filesystem.read_only', 'host.oom_kill', 'host.memory_pressure'],
    close: system.close,
  }
}

const options = { top_processes: 2, certificate_ports: [] }
const scenarios: readonly Scenario[] = [
  { name: 'a virtual machine', options, start },
  { name: 'a virtual machine whose disks fail', options, start: startFailing },
]

const suite = checks(server, {
  scenarios,
  packageFolder: `${import.meta.dirname}/..`,
  nodeArguments: ['--conditions=@rca/source'],
  strict: true,
})
testConformance(suite, summarize)
