import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Event } from '@rca/core/protocol'
import {
  BUSYBOX_IMAGE,
  docker,
  findCluster,
  findEngine,
  findKubectl,
  type Machine,
  missingForMachine,
  run,
  START_TIMEOUT_MS,
  startMachine,
  testRun,
} from '@rca/rig'
import { realDescribe } from '@rca/rig/real'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AgentAnswer } from '../src/platform.ts'
import { type Arrivals, watchArrivals } from '../test/arrivals.ts'
import { type PlatformProcess, startPlatformProcess } from '../test/platform-process.ts'
import { eventually, type Program, startProgram } from '../test/processes.ts'

const repository = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '')
const AGENT = [process.execPath, '--conditions=@rca/source', `${repository}/apps/agent/src/main.ts`] as const

/** The programs of the agent need `libatomic1`. */
const SYSTEM = { suite: 'bookworm', packages: ['libatomic1'] } as const

const engine = await findEngine(testRun())
const cluster = await findCluster('node', testRun(), { onlyOurs: true })
const kubectl = (await findKubectl()) ?? ''
const machineAbsence = await missingForMachine(SYSTEM)
const absence = [engine, cluster, machineAbsence].find(({ missing }) => missing !== undefined) ?? {}

/** Prefix of everything that this run creates on the engine and in the cluster. */
const mine = `rca-day-${process.pid}`

/** The end of the machine's link on this host. */
const CABLE = `rca-${process.pid}`

/** Longest time from a fault to its event at the platform. */
const MAX_DELAY_MS = 5_000
/** Resolution of times in the status of pods. */
const TIME_RESOLUTION_MS = 1_000
/** Time in which a fault that was reported must not be reported again. */
const QUIET_MS = 30_000
/** Time for which a port must be open before its end is reported, with one look more. */
const OPEN_PORT_MS = 45_000
/** Time between two looks of the watchers of a host. */
const LOOK_MS = { links: 10_000, ports: 10_000, filesystems: 15_000 }

interface Fault {
  /** Name of its event. */
  readonly name: string
  readonly severity: string
  readonly body: RegExp
  readonly isMatch: (event: Event) => boolean
  /** Causes the fault, and returns the time at which it has happened, in milliseconds since 1970. */
  readonly cause: () => Promise<number>
  /** Time between two looks of the agent, in milliseconds. @default events arrive by themselves */
  readonly look?: number
}

/** Agents as processes of their own watch a host, an engine and a cluster, while two busy loops take the processors. */
realDescribe('a day of a host, an engine and a cluster under load', absence, () => {
  const directory = mkdtempSync(join(tmpdir(), 'rca-day-'))
  const programs: Program[] = []
  const loads: ChildProcess[] = []
  let machine: Machine
  let platform: PlatformProcess
  let arrivals: Arrivals

  const onEngine = (...words: string[]): Promise<string> => docker(engine.dockerHost, words)
  const inCluster = (...words: string[]): Promise<string> =>
    run(kubectl, ['--kubeconfig', cluster.kubeconfig, '--namespace', mine, ...words], { timeout: 60_000 })
  /**
   * Reads the events of this run. Others may use the same engine and cluster. The kernel of the machine and of the node
   * is that of this host, which reports kills of all programs on it.
   */
  const read = async (): Promise<Event[]> => {
    const query = { environment: mine, limit: 500, from: new Date(Date.now() - 600_000).toISOString() }
    const { events } = await platform.get<{ events: Event[] }>('events', query)
    return events.filter(({ name, attributes }) => {
      const place = attributes['k8s.namespace.name'] ?? attributes['container.name']
      const isOfKernel = name === 'host.oom_kill' || attributes['k8s.event.reason'] === 'SystemOOM'
      return !isOfKernel && (place === undefined || String(place).startsWith(mine))
    })
  }

  const startAgent = async (type: string, words: readonly string[], env: Record<string, string>): Promise<void> => {
    const { agent_token } = await platform.provision({ agent_type: type, environment_name: mine })
    const { host, port } = { host: type === 'server' ? machine.hostAddress : '127.0.0.1', port: portOf(platform) }
    const variables = {
      PLATFORM_API_URL: `http://${host}:${port}`,
      AGENT_TOKEN: agent_token,
      AGENT_TYPE: type,
      COLLECT_INTERVAL: '2s',
      RCA_HEALTH_PORT: 'off',
      ...env,
    }
    const [command = '', ...more] = [
      ...words,
      'env',
      ...Object.entries(variables).map(([name, value]) => `${name}=${value}`),
      ...AGENT,
    ]
    programs.push(startProgram(command, more, { cwd: directory }))
  }

  beforeAll(async () => {
    machine = await startMachine(SYSTEM, repository)
    platform = await startPlatformProcess(directory, { HOST: '0.0.0.0' })
    await prepareMachine(machine)
    await inCluster('create', 'namespace', mine)
    await startAgent('docker', [], {
      DOCKER_HOST: engine.dockerHost,
      RCA_STATE_DIR: join(directory, 'docker'),
    })
    await startAgent('kubernetes', [], {
      KUBECONFIG: cluster.kubeconfig,
      RCA_STATE_DIR: join(directory, 'kubernetes'),
    })
    await startAgent('server', machine.words(), { RCA_STATE_DIR: '/var/lib/rca-day' })
    await eventually(
      'three agents coming online',
      async () => {
        const { agents } = await platform.get<{ agents: AgentAnswer[] }>('agents', { environment: mine })
        const online = agents.filter(({ connectivity, health }) => {
          return connectivity === 'online' && Object.keys(health.collectors).length > 0
        })
        return online.length === 3
      },
      120_000,
    )
    for (let count = 0; count < 2; count += 1)
      loads.push(spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' }))
    arrivals = watchArrivals(read)
  }, START_TIMEOUT_MS)

  afterAll(async () => {
    for (const load of loads) load.kill('SIGKILL')
    await arrivals?.stop()
    await Promise.all(programs.map((program) => program.stop()))
    await platform?.stop()
    await machine?.stop()
    const left = (await onEngine('ps', '--all', '--quiet', '--filter', `name=${mine}`)).split('\n').filter(Boolean)
    if (left.length > 0) await onEngine('rm', '--force', '--volumes', ...left)
    await inCluster('delete', 'namespace', '--wait=false', mine)
    await rm(directory, { recursive: true, force: true })
  }, START_TIMEOUT_MS)

  /** A fault of the machine, which a command causes. */
  const ofHost = (id: string, command: string, fault: Omit<Fault, 'cause' | 'isMatch'>): Fault => ({
    ...fault,
    isMatch: ({ entity, attributes }) => entity.id === id || String(attributes['network.local.port']) === id,
    cause: async () => {
      await machine.run(command)
      return Date.now()
    },
  })
  /** A container's run that ends. */
  const ofEngine = (name: string, words: readonly string[], fault: Omit<Fault, 'cause' | 'isMatch'>): Fault => ({
    ...fault,
    isMatch: ({ attributes }) => attributes['container.name'] === `${mine}-${name}`,
    cause: async () => {
      const id = `${mine}-${name}`
      await onEngine('run', '--detach', '--name', id, '--network', 'none', ...words).catch(() => undefined)
      const end = () => onEngine('inspect', '--format', '{{.State.Running}} {{.State.FinishedAt}}', id)
      return eventually('the end of a container', async () => {
        const [isRunning, finishedAt = ''] = (await end()).split(' ')
        // A container that could not be started has no end.
        return isRunning === 'false' && (Date.parse(finishedAt) > 0 ? Date.parse(finishedAt) : Date.now())
      })
    },
  })
  /** A pod, and the text of its state that shows the fault. */
  const ofCluster = (
    name: string,
    { container = {}, spec = {} }: { readonly container?: object; readonly spec?: object },
    state: string,
    fault: Omit<Fault, 'cause' | 'isMatch'>,
  ): Fault => ({
    ...fault,
    isMatch: ({ attributes }) => attributes['k8s.pod.name'] === name,
    cause: async () => {
      const app = { name: 'app', image: BUSYBOX_IMAGE, imagePullPolicy: 'IfNotPresent', ...container }
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name },
        spec: { restartPolicy: 'Never', containers: [app], ...spec },
      }
      await run(kubectl, ['--kubeconfig', cluster.kubeconfig, '--namespace', mine, 'create', '--filename=-'], {
        input: JSON.stringify(pod),
      })
      return eventually(
        `${name} having ${state}`,
        async () => {
          const status = await inCluster('get', 'pod', name, '--output=jsonpath={.status}')
          const finishedAt = /"finishedAt":"([^"]+)"/.exec(status)?.[1]
          if (!status.includes(state)) return false
          return finishedAt === undefined ? Date.now() : Date.parse(finishedAt) + TIME_RESOLUTION_MS
        },
        60_000,
      )
    },
  })

  const memory = { resources: { limits: { memory: '40Mi' } } }
  const FAULTS: readonly Fault[] = [
    ofHost('orders.service', '! systemctl start orders', {
      name: 'systemd.unit.failed',
      severity: 'error',
      body: /^orders\.service has failed: its main process exited with 4$/,
    }),
    ofEngine('crash', [BUSYBOX_IMAGE, 'sh', '-c', 'echo no table; exit 3'], {
      name: 'container.crashed',
      severity: 'error',
      body: /exit code 3|exited with 3/,
    }),
    ofCluster('crash', { container: { command: ['sh', '-c', 'echo no table; exit 3'] } }, 'terminated', {
      name: 'k8s.container.crashed',
      severity: 'error',
      body: /crashed with exit code 3/,
    }),
    ofHost('/mnt/data', 'head -c 16m /dev/zero >/mnt/data/file 2>/dev/null || true', {
      name: 'filesystem.full',
      severity: 'critical',
      body: /^\/mnt\/data .*is full/,
      look: LOOK_MS.filesystems,
    }),
    ofEngine('greedy', ['--memory', '24m', BUSYBOX_IMAGE, 'tail', '/dev/zero'], {
      name: 'container.crashed',
      severity: 'critical',
      body: /memory/,
    }),
    ofCluster('greedy', { container: { command: ['tail', '/dev/zero'], ...memory } }, 'terminated', {
      name: 'k8s.container.crashed',
      severity: 'critical',
      body: /memory/,
    }),
    {
      ...ofHost('uplink', '', { name: 'network.interface.down', severity: 'error', body: /lost its carrier/ }),
      look: LOOK_MS.links,
      cause: async () => {
        await run('ip', ['link', 'set', CABLE, 'down'])
        return Date.now()
      },
    },
    ofEngine('absent', [BUSYBOX_IMAGE, '/bin/absent'], {
      name: 'container.start_failed',
      severity: 'error',
      body: /absent/,
    }),
    ofCluster('nowhere', { spec: { nodeSelector: { disk: 'absent' } } }, 'Unschedulable', {
      name: 'k8s.pod.scheduling_failed',
      severity: 'warning',
      body: /nowhere/,
    }),
    ofHost('7777', 'systemctl stop web.socket', {
      name: 'host.port_closed',
      severity: 'warning',
      body: /TCP port 7777 anymore/,
      look: LOOK_MS.ports,
    }),
  ]

  test('every fault is reported once, right and in time, and nothing else above info', async () => {
    await sleep(OPEN_PORT_MS)
    const before = loud(arrivals)
    const delays: Record<string, number> = {}
    for (const fault of FAULTS) {
      const happenedAt = await fault.cause()
      const arrival = await arrivals.first(fault.name, fault.isMatch, 60_000)
      delays[`${fault.name}: ${arrival.event.body}`] = arrival.at - happenedAt - (fault.look ?? 0)
    }
    await sleep(QUIET_MS)
    console.log(`milliseconds until the events, without the time between two looks: ${JSON.stringify(delays, null, 2)}`)
    const reported = loud(arrivals).map(describeEvent)
    const wanted = FAULTS.map((fault) => arrivals.all().find(({ event }) => isOf(fault, event))?.event)
    expect({ before: before.map(describeEvent), reported: reported.toSorted() }).toEqual({
      before: [],
      reported: wanted.map((event, index) => (event ? describeEvent(event) : FAULTS[index]?.name)).toSorted(),
    })
    expect(Object.entries(delays).filter(([, delay]) => delay > MAX_DELAY_MS)).toEqual([])
  }, 600_000)
})

function isOf({ name, severity, body, isMatch }: Fault, event: Event): boolean {
  return event.name === name && event.severity === severity && body.test(event.body) && isMatch(event)
}

/** Returns the events above `info`. */
function loud(arrivals: Arrivals): Event[] {
  return arrivals
    .all()
    .map(({ event }) => event)
    .filter(({ severity }) => severity !== 'info')
}

function describeEvent({ severity, name, body }: Event): string {
  return `${severity} ${name}: ${body}`
}

function portOf({ url }: PlatformProcess): string {
  return new URL(url).port
}

/** Makes what breaks later: a unit, a socket, a small filesystem and a link. */
async function prepareMachine(machine: Machine): Promise<void> {
  const units: Readonly<Record<string, readonly string[]>> = {
    'orders.service': ['[Service]', 'Type=oneshot', 'ExecStart=/bin/sh -c "echo no table; exit 4"'],
    'web.service': ['[Service]', 'ExecStart=/bin/true'],
    'web.socket': ['[Socket]', 'ListenStream=127.0.0.1:7777'],
  }
  for (const [name, lines] of Object.entries(units))
    await machine.run(`cat >/etc/systemd/system/${name}`, { input: lines.join('\n') })
  await machine.run('systemctl daemon-reload && systemctl start web.socket')
  await machine.run('mkdir /mnt/data && mount -t tmpfs -o size=16m data /mnt/data')
  // It goes with the machine.
  await inNetwork(
    machine,
    'ip',
    'link',
    'add',
    'uplink',
    'type',
    'veth',
    'peer',
    'name',
    CABLE,
    'netns',
    `${process.pid}`,
  )
  await inNetwork(machine, 'ip', 'link', 'set', 'uplink', 'up')
  await run('ip', ['link', 'set', CABLE, 'up'])
}

/** Runs a program of this host in the network of a machine, which has no `ip`. */
async function inNetwork(machine: Machine, ...words: string[]): Promise<void> {
  const pid = /--target=(\d+)/.exec(machine.words('true').join(' '))?.[1] ?? ''
  await run('nsenter', [`--target=${pid}`, '--net', ...words])
}
