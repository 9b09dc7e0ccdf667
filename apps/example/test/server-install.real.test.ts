import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Entity, Metric } from '@rca/core/protocol'
import { type Machine, type MachineSystem, missingForMachine, run, START_TIMEOUT_MS, startMachine } from '@rca/rig'
import { realDescribe } from '@rca/rig/real'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { AgentAnswer, SeriesAnswer } from '../src/platform.ts'
import { type PlatformProcess, type Provisioned, startPlatformProcess } from './platform-process.ts'
import { eventually } from './processes.ts'

const repository = new URL('../../..', import.meta.url).pathname
const directory = mkdtempSync(join(tmpdir(), 'rca-install-'))

const ENVIRONMENT = 'shop'

/** Time for an agent to come online. On a quiet machine it takes 5 s; beside other load it takes many times as long. */
const ONLINE_TIMEOUT_MS = 120_000

/** Exposure by `systemd-analyze security`. That of a service without any sandbox is almost 10. */
const MAX_EXPOSURE = 3

/** Exit code of the installer on a system whose C library the agent cannot use. */
const UNSUPPORTED_LIBC = 11

/** Lists accounts, settings and files of a machine, without what systems change by themselves. */
const LIST_STATE = `
  export LC_ALL=C
  find / /run /tmp -xdev \\( -path /var/log -o -path /run/systemd -o -path /var/lib/systemd -o -path /run/openrc \\
    -o -path /usr/lib/rc/cache -o -name 'systemd-private-*' -o -path '/etc/*-' \\) -prune \\
    -o -printf '%p %y %u:%g %m %l\\n' | sort -u
  find /etc -xdev -type f ! -name '*-' -exec sha256sum {} + | sort -k 2
  find / -xdev -name '*rca-agent*'
`

/** Prints the owner of each process that runs a file below the installation. */
const LIST_OWNERS = `
  for process in /proc/[0-9]*; do
    case $(readlink "$process/exe") in /opt/rca-agent/*) stat -c %U "$process" ;; esac
  done 2>/dev/null`

type Agent = AgentAnswer & { readonly last_heartbeat_at?: string }

const SYSTEMD: readonly [string, MachineSystem][] = [
  ['bookworm', { suite: 'bookworm' }],
  ['trixie', { suite: 'trixie' }],
]
const OPENRC: MachineSystem = { init: 'openrc' }
const WITHOUT_INIT: MachineSystem = { init: 'none' }
const MUSL: MachineSystem = { suite: 'musl' }

/** Everything that an agent reads, without values. */
interface Readings {
  readonly entityTypes: string[]
  readonly metricNames: string[]
  readonly gaps: string[]
}

vi.setConfig({ testTimeout: START_TIMEOUT_MS })

beforeAll(async () => {
  await run(process.execPath, ['--conditions=@rca/source', 'scripts/artifacts.ts', '--platform', 'linux-x64'], {
    cwd: repository,
    env: { RCA_ARTIFACTS_DIR: join(directory, 'artifacts'), RCA_SIGNING_KEY: join(directory, 'key.pem') },
    timeout: 300_000,
  })
}, 300_000)
afterAll(() => rm(directory, { recursive: true, force: true }))

/** A machine, with a platform at the address of this host that the machine reaches. */
interface Scene {
  readonly machine: Machine
  readonly platform: PlatformProcess
  readonly provisioned: Provisioned
  /** State of the machine before the installation. */
  readonly before: string
  stop(): Promise<void>
}

/** Starts the scene before the tests of a `describe`, and stops it after them. Returns a function that returns it. */
function useScene(system: MachineSystem): () => Scene {
  let scene: Scene
  beforeAll(async () => {
    scene = await startScene(system)
  }, START_TIMEOUT_MS)
  afterAll(() => scene?.stop(), START_TIMEOUT_MS)
  return () => scene
}

async function startScene(system: MachineSystem): Promise<Scene> {
  const machine = await startMachine(system)
  const platform = await startPlatformProcess(mkdtempSync(join(directory, 'platform-')), {
    HOST: machine.hostAddress,
    RCA_ARTIFACTS_DIR: join(directory, 'artifacts'),
  })
  const provisioned = await platform.provision({
    agent_type: 'server',
    environment_name: ENVIRONMENT,
    config: { platform: 'linux', collect_interval: '1s' },
  })
  const before = await machine.run(LIST_STATE)
  const stop = async (): Promise<void> => {
    await platform.stop()
    await machine.stop()
  }
  return { machine, platform, provisioned, before, stop }
}

/** Pastes a command into bash. */
async function paste({ machine }: Scene, command: string): Promise<string> {
  return machine.run('bash', { input: `${command}\n` })
}

/** Waits for a heartbeat after the call of this function, and prints the time. */
async function online({ platform }: Scene): Promise<Agent & { readonly agent_id: string }> {
  const called = Date.now()
  const online = await eventually(
    'a heartbeat of the agent',
    async () => {
      const [agent] = (await platform.get<{ agents: Agent[] }>('agents', { environment: ENVIRONMENT })).agents
      const isOnline = agent?.connectivity === 'online' && Date.parse(agent.last_heartbeat_at ?? '') > called
      return isOnline && agent.agent_id !== null && { ...agent, agent_id: agent.agent_id }
    },
    ONLINE_TIMEOUT_MS,
  )
  console.log(`online after ${Date.now() - called} ms`)
  return online
}

async function owners({ machine }: Scene): Promise<string[]> {
  return (await machine.run(LIST_OWNERS)).trim().split('\n')
}

/** Returns the command lines of all processes. */
async function commandLines({ machine }: Scene): Promise<string> {
  return machine.run('cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " "')
}

/** Checks that only root reads the token, and that no process shows it. */
async function expectHiddenToken(scene: Scene): Promise<void> {
  const { machine, provisioned } = scene
  expect(await machine.run('stat -c "%a %U" /etc/rca-agent/agent.env')).toBe('600 root\n')
  expect(await commandLines(scene)).not.toContain(provisioned.agent_token)
}

async function expectUninstalled(scene: Scene): Promise<void> {
  const { machine, provisioned, before } = scene
  await paste(scene, provisioned.uninstall_command)
  expect(difference(before, await machine.run(LIST_STATE))).toEqual([])
  expect(await commandLines(scene)).not.toContain('/opt/rca-agent')
}

/** Returns the lines that only one of two texts has. */
function difference(before: string, after: string): string[] {
  const [old, current] = [before.split('\n'), after.split('\n')] as const
  const removed = old.filter((line) => !current.includes(line)).map((line) => `- ${line}`)
  return [...removed, ...current.filter((line) => !old.includes(line)).map((line) => `+ ${line}`)]
}

/** Returns the readings that the platform has of the agent. */
async function reported({ platform }: Scene, agentId: string): Promise<Readings> {
  const list = <Item>(path: string, key: string): Promise<Item[]> =>
    platform
      .get<Record<string, Item[]>>(`agents/${agentId}/${path}`, { limit: 500 })
      .then((answer) => answer[key] ?? [])
  const [entities, series, gaps] = await Promise.all([
    list<Entity>('entities', 'entities'),
    list<SeriesAnswer>('metrics', 'series'),
    list<Gap>('gaps', 'gaps'),
  ])
  return readings(entities, series, gaps)
}

/** Returns the readings of an agent that root starts without a sandbox. */
async function unconfined({ machine }: Scene): Promise<Readings> {
  const report = JSON.parse(await machine.run('/opt/rca-agent/current/bin/rca-agent collect --type server')) as {
    data: { entities: Entity[]; metrics: Metric[]; gaps: Gap[] }
  }
  return readings(report.data.entities, report.data.metrics, report.data.gaps)
}

interface Gap {
  readonly scope: string
  readonly reason: string
}

function readings(
  entities: readonly { readonly type: string }[],
  metrics: readonly { readonly name: string }[],
  gaps: readonly Gap[],
): Readings {
  return {
    entityTypes: sorted(entities.map(({ type }) => type)),
    metricNames: sorted(metrics.map(({ name }) => name)),
    gaps: sorted(gaps.map(({ scope, reason }) => `${scope}: ${reason}`)),
  }
}

function sorted(names: string[]): string[] {
  return [...new Set(names)].toSorted()
}

for (const [name, system] of SYSTEMD) {
  realDescribe(`a server with ${name}`, await missingForMachine(system), () => {
    const scene = useScene(system)

    test('comes online with the returned command, as a service with a user of its own', async () => {
      const installing = paste(scene(), scene().provisioned.deployment_command)
      const [agent, output] = await Promise.all([online(scene()), installing])
      expect(output).toContain('heartbeat')
      expect(agent.agent_type).toBe('server')
      expect(await owners(scene())).toEqual(['rca-agent'])
      await expectHiddenToken(scene())
      expect(await scene().machine.run('systemctl is-enabled rca-agent')).toBe('enabled\n')
    })

    test(`is confined: systemd-analyze rates its exposure at most ${MAX_EXPOSURE}`, async () => {
      const table = await scene().machine.run('systemd-analyze security --no-pager rca-agent')
      const exposure = /exposure level for \S+: ([\d.]+) \w+/i.exec(table)
      console.log(`${name}: ${exposure?.[0]}`)
      expect(Number(exposure?.[1]), table).toBeLessThanOrEqual(MAX_EXPOSURE)
    })

    test('reads in its sandbox what root reads without one', async () => {
      const { agent_id: id } = await online(scene())
      const expected = await unconfined(scene())
      expect(expected.metricNames).toContain('system.cpu.utilization')
      await eventually('all metrics', async () => {
        const { metricNames } = await reported(scene(), id)
        return expected.metricNames.every((metric) => metricNames.includes(metric))
      }).catch(() => undefined)
      expect(await reported(scene(), id)).toEqual(expected)
    })

    test('is online again after a reboot and after a power loss', async () => {
      for (const restart of ['reboot', 'kill'] as const) {
        await scene().machine[restart]()
        await online(scene())
        expect(await owners(scene())).toEqual(['rca-agent'])
      }
    })

    test('is uninstalled without a trace', async () => {
      await expectUninstalled(scene())
      expect(await scene().machine.run("systemctl list-units --all --no-legend '*rca*'")).toBe('')
    })
  })
}

realDescribe('a server with OpenRC', await missingForMachine(OPENRC), () => {
  const scene = useScene(OPENRC)

  test('comes online with the returned command, as a service with a user of its own', async () => {
    await Promise.all([online(scene()), paste(scene(), scene().provisioned.deployment_command)])
    expect(await owners(scene())).toEqual(['rca-agent'])
    await expectHiddenToken(scene())
  })

  test('is online again after a reboot and after a power loss', async () => {
    for (const restart of ['reboot', 'kill'] as const) {
      await scene().machine[restart]()
      await online(scene())
    }
  })

  test('is uninstalled without a trace', () => expectUninstalled(scene()))
})

realDescribe('a server without an init system', await missingForMachine(WITHOUT_INIT), () => {
  const scene = useScene(WITHOUT_INIT)
  let running: Promise<string>

  test('comes online with the returned command, which runs the agent as a user of its own', async () => {
    running = paste(scene(), scene().provisioned.deployment_command)
    // The test fails for another reason if the command ends early.
    running.catch(() => undefined)
    await online(scene())
    // The command checks that the agent works, and becomes the agent then.
    await eventually('a process of the agent alone', async () => {
      const [owner, ...more] = await owners(scene())
      return owner === 'rca-agent' && more.length === 0
    })
    await online(scene())
    await expectHiddenToken(scene())
  })

  test('is uninstalled without a trace, and the command ends', async () => {
    await expectUninstalled(scene())
    await running
  })
})

realDescribe('a server with musl', await missingForMachine(MUSL), () => {
  const scene = useScene(MUSL)

  test('is refused with the reason, and stays as it was', async () => {
    const { machine, provisioned, before } = scene()
    const output = await paste(scene(), `exec 2>&1\n${provisioned.deployment_command}\necho "code $?"`)
    expect(output).toMatch(/musl/)
    expect(output).toMatch(new RegExp(`^code ${UNSUPPORTED_LIBC}$`, 'm'))
    expect(difference(before, await machine.run(LIST_STATE))).toEqual([])
  })
})
