/**
 * Runs tests against real engines and hosts on newer platforms than this machine's: `npm run test:newer`, or with the
 * names of platforms, only on these. The last line is `N passed, N failed, N skipped`. Needs root and Debian.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import {
  buildNewerEngines,
  buildRoot,
  buildVm,
  type EngineRelease,
  type Machine,
  type MachineSystem,
  startMachine,
  startVm,
} from '@rca/rig'

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')

const DOCKER_TESTS = testsIn('packages/connector-docker/{test,newer}')
/** Podman runs no health checks without systemd, and its events and answers differ from those of Docker. */
const PODMAN_TESTS = [
  ...testsIn('packages/connector-docker/newer'),
  'packages/connector-docker/test/engine-restart.real.test.ts',
]
const SERVER_TESTS = testsIn('packages/connector-server/src')
const EVENT_TEST = 'packages/connector-server/newer/machine.newer.test.ts'
const OUT_OF_MEMORY_TEST = 'packages/connector-server/newer/out-of-memory.newer.test.ts'
const IMAGE_TEST = 'apps/example/test/docker.real.test.ts'

interface Platform {
  readonly name: string
  readonly title: string
  run(): Promise<Count>
}

const PLATFORMS: readonly Platform[] = [
  onEngine('docker-26', 'Docker 26.1 with control groups of version 1', [...DOCKER_TESTS, IMAGE_TEST]),
  onEngine('podman-5', 'Podman 5.4 with control groups of version 1', PODMAN_TESTS),
  inSystem('systemd-252', 'a machine with systemd 252', { suite: 'bookworm', packages: ['libatomic1'] }),
  inSystem('systemd-257', 'a machine with systemd 257', { suite: 'trixie', packages: ['libatomic1'] }),
  onHost('host-events', 'events of a machine with systemd 252', { suite: 'bookworm' }, [EVENT_TEST]),
  {
    name: 'cgroup-v2',
    title: 'Docker 26.1 and systemd 257 with control groups of version 2, in a virtual machine',
    run: async () => {
      await buildVm()
      return runInside(await startVm(root), [...DOCKER_TESTS, ...SERVER_TESTS, OUT_OF_MEMORY_TEST])
    },
  },
  onHost(
    'day',
    'ten faults of a host with systemd 252, an engine and a cluster, under load',
    { suite: 'bookworm', packages: ['libatomic1'] },
    testsIn('apps/example/newer'),
  ),
  onThisMachine('checks', 'every check of connectors on every broken connector', 'packages/connector-testkit/newer'),
  onThisMachine(
    'registry',
    "a stranger's connector, from an empty folder to its data, and the last release",
    'test/newer',
  ),
]

function testsIn(folder: string): string[] {
  return globSync(`${folder}/**/*.{real,newer}.test.ts`, { cwd: root }).toSorted()
}

function onEngine(release: EngineRelease, title: string, tests: readonly string[]): Platform {
  return {
    name: release,
    title,
    run: async () => {
      await buildNewerEngines()
      const [program, ...args] = vitest(tests)
      return count(program, args, { RCA_RIG_ENGINE: release })
    },
  }
}

function inSystem(name: string, title: string, system: MachineSystem): Platform {
  return {
    name,
    title,
    run: async () => {
      await buildRoot(system)
      return runInside(await startMachine(system, root), SERVER_TESTS)
    },
  }
}

/** Tests that start a machine themselves. */
function onHost(name: string, title: string, system: MachineSystem, tests: readonly string[]): Platform {
  return {
    name,
    title,
    run: async () => {
      await buildRoot(system)
      const [program, ...args] = vitest(tests)
      return count(program, args)
    },
  }
}

/** Tests that take too long for `npm test`. */
function onThisMachine(name: string, title: string, folder: string): Platform {
  return {
    name,
    title,
    run: () => {
      const [program, ...args] = vitest(testsIn(folder))
      return count(program, args)
    },
  }
}

async function runInside(machine: Machine, tests: readonly string[]): Promise<Count> {
  try {
    const script = `cd "$1" && shift && ${NEWER}=1 exec "$@"`
    const [program = '', ...args] = machine.words('sh', '-c', script, 'sh', root, ...vitest(tests))
    return await count(program, args)
  } finally {
    await machine.stop()
  }
}

/** Environment variable with which Vitest finds the tests in folders called `newer`. */
const NEWER = 'RCA_TEST_NEWER'

/** Returns the words that run tests. The time of a test is for an emulated machine. */
function vitest(tests: readonly string[]): [string, ...string[]] {
  const words = [`${root}/node_modules/vitest/vitest.mjs`, 'run', '--maxWorkers=1', '--testTimeout=600000', ...tests]
  return [process.execPath, ...words]
}

interface Count {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly failures: readonly string[]
}

/** Runs Vitest, prints its output, and reads the counts from its last line. */
async function count(program: string, args: readonly string[], env: Record<string, string> = {}): Promise<Count> {
  const child = spawn(program, args, {
    cwd: root,
    env: { ...process.env, ...env, [NEWER]: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const failures: string[] = []
  let counts: readonly number[] | undefined
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => {
    console.log(line)
    if (line.startsWith('FAILED ')) failures.push(line)
    const numbers = /^(\d+) passed, (\d+) failed, (\d+) skipped$/.exec(line)?.slice(1)
    counts = numbers?.map(Number) ?? counts
  })
  await Promise.all([once(child, 'close'), once(lines, 'close')])
  const [passed = 0, failed = 1, skipped = 0] = counts ?? []
  return { passed, failed, skipped, failures }
}

async function main(names: readonly string[]): Promise<void> {
  const unknown = names.find((name) => PLATFORMS.every((platform) => platform.name !== name))
  if (unknown !== undefined) {
    console.error(`Unknown platform \`${unknown}\`. Known are ${PLATFORMS.map(({ name }) => name).join(', ')}.`)
    process.exitCode = 2
    return
  }
  const total = { passed: 0, failed: 0, skipped: 0 }
  const summary: string[] = []
  for (const { name, title, run } of PLATFORMS.filter(({ name }) => names.length === 0 || names.includes(name))) {
    console.log(`\n== ${name}: ${title}`)
    const began = performance.now()
    const { passed, failed, skipped, failures } = await run().catch(brokenPlatform)
    total.passed += passed
    total.failed += failed
    total.skipped += skipped
    summary.push(...failures.map((failure) => failure.replace('FAILED', `FAILED ${name}:`)))
    const seconds = Math.round((performance.now() - began) / 1000)
    summary.push(`== ${name}: ${passed} passed, ${failed} failed, ${skipped} skipped in ${seconds} s`)
  }
  console.log(`\n${summary.join('\n')}`)
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
  if (total.failed > 0) process.exitCode = 1
}

function brokenPlatform(error: Error): Count {
  return { passed: 0, failed: 1, skipped: 0, failures: [`FAILED ${error.message.replaceAll(/\s+/g, ' ')}`] }
}

await main(process.argv.slice(2))
