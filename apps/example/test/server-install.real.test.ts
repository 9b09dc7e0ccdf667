import { cpSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Entity, Metric } from '@rca/core/protocol'
import {
  ARCHIVES_TIMEOUT_MS,
  FIRST_VERSION,
  findArchives,
  type MachineSystem,
  missingForMachine,
  SECOND_VERSION,
  type SharedArchives,
  START_TIMEOUT_MS,
} from '@rca/rig'
import { realDescribe } from '@rca/rig/real'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { EventAnswer, SeriesAnswer } from '../src/platform.ts'
import { eventually } from './processes.ts'
import {
  commandLines,
  crashOf,
  DROP_IN,
  difference,
  listState,
  online,
  owners,
  PATIENT_TIMEOUT_MS,
  paste,
  type Scene,
  useScene,
} from './server-scene.ts'

const directory = mkdtempSync(join(tmpdir(), 'rca-install-'))
/** Archives of the platforms: at first those of the first version. */
const artifacts = join(directory, 'artifacts')
let archives: SharedArchives

/** Exposure by `systemd-analyze security`. That of a service without any sandbox is almost 10. */
const MAX_EXPOSURE = 3

/** Exit code of the installer on a system whose C library the agent cannot use. */
const UNSUPPORTED_LIBC = 11

/** Reports that wait for the platform before it returns. */
const QUEUED_REPORTS = 4

/** Exit code of an update whose agent did not report. */
const NO_HEARTBEAT = 41

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
  archives = await findArchives()
  cpSync(archives.first, artifacts, { recursive: true })
}, ARCHIVES_TIMEOUT_MS)
afterAll(() => rm(directory, { recursive: true, force: true }))

/** Lets the platforms offer the second version beside the first. */
function publishSecondVersion(): void {
  cpSync(archives.both, artifacts, { recursive: true })
}

/** Runs the command of a file for cron as cron does: in the folder of root, with the environment of the file alone. */
async function runAsCron({ machine }: Scene, file: string): Promise<string> {
  const text = await machine.run(`cat ${file}`)
  const [, variables = ''] = /^(PATH=.*)$/m.exec(text) ?? []
  const [, command = ''] = /^\d+ \d+ \* \* \* root (.+)$/m.exec(text) ?? []
  const environment = `${variables} HOME=/root LOGNAME=root SHELL=/bin/sh`
  return machine.run(`cd /root && env -i ${environment} /bin/sh`, { input: `${command}\n` })
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
  expect(difference(before, await listState(machine))).toEqual([])
  expect(await commandLines(scene)).not.toContain('/opt/rca-agent')
}

/** Returns the time of a machine, as `journalctl` reads it. */
async function now({ machine }: Scene): Promise<string> {
  return (await machine.run('date +@%s.%N')).trim()
}

interface Health {
  readonly outbox: { readonly reports: number; readonly dropped: number }
}

async function health({ machine }: Scene): Promise<Health> {
  return JSON.parse(await machine.run('curl -fsS --unix-socket /run/rca-agent/agent.sock http://localhost/healthz'))
}

/** Checks that every agent since a time has delivered all of its reports at its end, and dropped none. */
async function expectNothingLost(scene: Scene, since: string): Promise<void> {
  const log = await scene.machine.run(`journalctl --unit rca-agent --output cat --no-pager --since ${since}`)
  expect(log).toMatch(/"stopping: sending the remaining reports"/)
  expect(log.match(/"stopped"/g)).toHaveLength(log.match(/"stopping: /g)?.length ?? 0)
  expect(log).not.toMatch(/before all reports were delivered|queue full|report dropped|report not built/)
  expect((await health(scene)).outbox.dropped).toBe(0)
}

/** Returns the times at which the agent measured the uptime of its machine, in milliseconds since 1970. */
async function uptimesOf({ platform }: Scene, agentId: string): Promise<number[]> {
  const to = Date.now()
  const query = { name: 'system.uptime', agent_id: agentId, step: '100ms', aggregate: 'max' }
  const range = { from: new Date(to - 600_000).toISOString(), to: new Date(to).toISOString() }
  const { series } = await platform().get<{ series: { points: { at: string }[] }[] }>('metrics', { ...query, ...range })
  return series.flatMap(({ points }) => points.map(({ at }) => Date.parse(at)))
}

/** Returns the longest time between two points since a time, in milliseconds. */
function longestPause(times: readonly number[], since: number): number {
  const later = times.filter((time) => time >= since)
  return Math.max(0, ...later.slice(1).map((time, index) => time - (later[index] ?? time)))
}

/** Returns the readings that the platform has of the agent. */
async function reported({ platform }: Scene, agentId: string): Promise<Readings> {
  const list = <Item>(path: string, key: string): Promise<Item[]> =>
    platform()
      .get<Record<string, Item[]>>(`agents/${agentId}/${path}`, { limit: 500 })
      .then((answer) => answer[key] ?? [])
  const [entities, series, gaps] = await Promise.all([
    list<Entity>('entities', 'entities'),
    list<SeriesAnswer>('metrics', 'series'),
    list<Gap & { readonly open: boolean }>('gaps', 'gaps'),
  ])
  return readings(
    entities,
    series,
    gaps.filter(({ open }) => open),
  )
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

/** Tests of an installed agent whose version is the first, and of the platform beside it. */
function testUpdates(scene: () => Scene): void {
  test('delivers what it collected while the platform was away', async () => {
    const since = await now(scene())
    const startPlatform = await scene().stopPlatform()
    const stopped = Date.now()
    await eventually(
      'reports in the queue',
      async () => (await health(scene())).outbox.reports >= QUEUED_REPORTS,
      PATIENT_TIMEOUT_MS,
    )
    const returned = Date.now()
    await startPlatform()
    // It ends with the platform barely there: what it still holds must be delivered now.
    await scene().machine.run('systemctl restart rca-agent')
    const { agent_id: id } = await online(scene())
    await expectNothingLost(scene(), since)
    // A platform that refuses requests in its first seconds gets them from the next run of the agent.
    const times = await eventually(
      'the points of that time',
      async () => {
        const all = await uptimesOf(scene(), id)
        const queued = all.filter((time) => time > stopped && time < returned)
        return queued.length >= QUEUED_REPORTS / 2 ? all : undefined
      },
      PATIENT_TIMEOUT_MS,
    )
    console.log(`longest time without a point: ${longestPause(times, stopped)} ms`)
  })

  test('goes back to the first version when the second does not come up', async () => {
    const { machine } = scene()
    const { agent_id: id, agent_version: version } = await online(scene())
    publishSecondVersion()
    expect(await machine.run('rca-agent update --check || echo "code $?"')).toContain(`newest   ${SECOND_VERSION}`)
    await machine.run(`mkdir -p ${DROP_IN} && cat >${DROP_IN}/crash.conf && systemctl daemon-reload`, {
      input: crashOf(SECOND_VERSION),
    })
    const since = await now(scene())
    const output = await machine.run('rca-agent update apply --wait 5 2>&1; echo "code $?"')
    expect(output).toMatch(new RegExp(`^code ${NO_HEARTBEAT}$`, 'm'))
    expect(output).toContain(`Version ${version} `)
    expect(await online(scene())).toMatchObject({ agent_id: id, agent_version: version, is_behind: true })
    expect(await machine.run('ls /opt/rca-agent/versions')).toBe(`${version}\n`)
    await expectNothingLost(scene(), since)
    await machine.run(`rm -r ${DROP_IN} && systemctl daemon-reload`)
  })

  test('is updated to the second version, with nothing collected lost', async () => {
    const { machine } = scene()
    const { agent_id: id } = await online(scene())
    const since = await now(scene())
    const began = Date.now()
    const updating = machine.run('rca-agent update apply')
    // Fails while one version or the other runs, or none.
    await machine.run('systemd-run --quiet --unit broken false')
    expect(await updating).toContain(`rca-agent ${SECOND_VERSION} installed and started`)
    expect(await online(scene())).toMatchObject({ agent_id: id, agent_version: SECOND_VERSION, is_behind: false })
    expect(await machine.run('rca-agent update apply')).toContain('unchanged')
    await eventually(
      'the event of the unit that failed',
      async () => {
        const { events } = await scene().platform().get<{ events: EventAnswer[] }>('events', { agent_id: id })
        return events.some(({ name, body }) => name === 'systemd.unit.failed' && body.includes('broken.service'))
      },
      PATIENT_TIMEOUT_MS,
    )
    await expectNothingLost(scene(), since)
    console.log(`longest time without a point: ${longestPause(await uptimesOf(scene(), id), began)} ms`)
    await machine.run('systemctl reset-failed broken')
  })
}

for (const [name, system] of SYSTEMD) {
  realDescribe(`a server with ${name}`, await missingForMachine(system), () => {
    const scene = useScene(system, artifacts)

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
      let expected = await unconfined(scene())
      let actual = await reported(scene(), id)
      // Both may miss something for a moment, such as a reading that takes too long on a busy machine.
      await eventually(
        'the same readings',
        async () => {
          if (isDeepStrictEqual(actual, expected)) return true
          expected = await unconfined(scene())
          actual = await reported(scene(), id)
          return false
        },
        PATIENT_TIMEOUT_MS,
      ).catch(() => undefined)
      expect(actual).toEqual(expected)
      expect(actual.metricNames).toContain('system.cpu.utilization')
    })

    test('is online again after a reboot and after a power loss', async () => {
      for (const restart of ['reboot', 'kill'] as const) {
        await scene().machine[restart]()
        await online(scene())
        expect(await owners(scene())).toEqual(['rca-agent'])
      }
    })

    if (system.suite === 'bookworm') testUpdates(scene)

    test('is uninstalled without a trace', async () => {
      await expectUninstalled(scene())
      expect(await scene().machine.run("systemctl list-units --all --no-legend '*rca*'")).toBe('')
    })
  })
}

realDescribe('a server with OpenRC', await missingForMachine(OPENRC), () => {
  const scene = useScene(OPENRC, artifacts)

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

  test('is updated by its line for cron, until the same command without updates', async () => {
    const { machine, provisioned } = scene()
    publishSecondVersion()
    await paste(scene(), `${provisioned.deployment_command} --version ${FIRST_VERSION} --set auto_update=on`)
    expect((await online(scene())).agent_version).toBe(FIRST_VERSION)
    await runAsCron(scene(), '/etc/cron.d/rca-agent-update')
    expect((await online(scene())).agent_version).toBe(SECOND_VERSION)
    await paste(scene(), provisioned.deployment_command)
    expect(await machine.run('ls /etc/cron.d')).not.toContain('rca-agent')
  })

  test('is uninstalled without a trace', () => expectUninstalled(scene()))
})

realDescribe('a server without an init system', await missingForMachine(WITHOUT_INIT), () => {
  const scene = useScene(WITHOUT_INIT, artifacts)
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
  const scene = useScene(MUSL, artifacts)

  test('is refused with the reason, and stays as it was', async () => {
    const { machine, provisioned, before } = scene()
    const output = await paste(scene(), `exec 2>&1\n${provisioned.deployment_command}\necho "code $?"`)
    expect(output).toMatch(/musl/)
    expect(output).toMatch(new RegExp(`^code ${UNSUPPORTED_LIBC}$`, 'm'))
    expect(difference(before, await listState(machine))).toEqual([])
  })
})
