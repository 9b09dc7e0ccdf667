import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Machine, type MachineSystem, START_TIMEOUT_MS, startMachine } from '@rca/rig'
import { afterAll, beforeAll } from 'vitest'
import type { AgentAnswer } from '../src/platform.ts'
import { type PlatformProcess, type Provisioned, startPlatformProcess } from './platform-process.ts'
import { eventually } from './processes.ts'

export const ENVIRONMENT = 'shop'

/** Time for what an agent or a platform does by itself. Long enough for a machine that is busy with other work. */
export const PATIENT_TIMEOUT_MS = 120_000

/** Lists accounts, settings and files of a machine, without what systems change by themselves. */
const LIST_STATE = `
  export LC_ALL=C
  find / /run /tmp /opt -xdev \\( -path /var/log -o -path /run/systemd -o -path /var/lib/systemd -o -path /run/openrc \\
    -o -path /usr/lib/rc/cache -o -name 'systemd-private-*' -o -path '/etc/*-' \\) -prune \\
    -o -printf '%p %y %u:%g %m %l\\n' | sort -u
  find /etc -xdev -type f ! -name '*-' -exec sha256sum {} + | sort -k 2
  # A folder that systemd has made for a run of the service has a name of its own.
  find / -xdev -name '*rca-agent*' | sed '/systemd-private-/s/-[^-]*$//'
`

/** Folder of the settings that an operator adds to the unit. */
export const DROP_IN = '/etc/systemd/system/rca-agent.service.d'

/** Returns settings with which one version alone crashes at start. */
export function crashOf(version: string): string {
  return `[Service]
ExecStart=
ExecStart=/bin/sh -c '! grep -q "^${version}" /opt/rca-agent/current/VERSION && exec /opt/rca-agent/current/bin/rca-agent run'
`
}

/** Prints the owner of each process that runs a file below the installation. */
const LIST_OWNERS = `
  for process in /proc/[0-9]*; do
    case $(readlink "$process/exe") in /opt/rca-agent/*) stat -c %U "$process" ;; esac
  done 2>/dev/null`

export type Agent = AgentAnswer & { readonly agent_version?: string; readonly last_heartbeat_at?: string }

/** A machine, with a platform at the address of this host that the machine reaches. */
export interface Scene {
  readonly machine: Machine
  readonly provisioned: Provisioned
  /** State of the machine before the installation. */
  readonly before: string
  /** The running platform. */
  platform(): PlatformProcess
  /** Stops the platform. Returns a function that starts it again, at the same address and with the same data. */
  stopPlatform(): Promise<() => Promise<void>>
  stop(): Promise<void>
}

/**
 * Starts the scene before the tests of a `describe`, and stops it after them. Returns a function that returns it.
 *
 * @param artifactsFolder value of the platform's `RCA_ARTIFACTS_DIR`
 */
export function useScene(system: MachineSystem, artifactsFolder: string): () => Scene {
  let scene: Scene
  beforeAll(async () => {
    scene = await startScene(system, artifactsFolder)
  }, START_TIMEOUT_MS)
  afterAll(() => scene?.stop(), START_TIMEOUT_MS)
  return () => scene
}

async function startScene(system: MachineSystem, artifactsFolder: string): Promise<Scene> {
  const machine = await startMachine(system)
  const data = mkdtempSync(join(tmpdir(), 'rca-install-platform-'))
  const start = (PORT: string): Promise<PlatformProcess> =>
    startPlatformProcess(data, { HOST: machine.hostAddress, PORT, RCA_ARTIFACTS_DIR: artifactsFolder })
  let platform: PlatformProcess | undefined
  const stop = async (): Promise<void> => {
    await platform?.stop()
    await machine.stop()
    await rm(data, { recursive: true, force: true })
  }
  try {
    const started = await start('0')
    platform = started
    const provisioned = await started.provision({
      agent_type: 'server',
      environment_name: ENVIRONMENT,
      config: { platform: 'linux', collect_interval: '1s' },
    })
    return {
      machine,
      provisioned,
      before: await listState(machine),
      platform: () => {
        if (platform === undefined) throw new Error('The platform does not run')
        return platform
      },
      stopPlatform: async () => {
        await platform?.stop()
        platform = undefined
        return async () => {
          platform = await start(new URL(started.url).port)
        }
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Lists accounts, settings and files of a machine. */
export function listState(machine: Machine): Promise<string> {
  return machine.run(LIST_STATE)
}

/** Returns the lines that only one of two texts has. */
export function difference(before: string, after: string): string[] {
  const [old, current] = [before.split('\n'), after.split('\n')] as const
  const removed = old.filter((line) => !current.includes(line)).map((line) => `- ${line}`)
  return [...removed, ...current.filter((line) => !old.includes(line)).map((line) => `+ ${line}`)]
}

/** Pastes a command into bash. */
export async function paste({ machine }: Scene, command: string): Promise<string> {
  return machine.run('bash', { input: `${command}\n` })
}

/** Waits for a heartbeat after the call of this function, and prints the time. */
export async function online({ platform }: Scene): Promise<Agent & { readonly agent_id: string }> {
  const called = Date.now()
  const online = await eventually(
    'a heartbeat of the agent',
    async () => {
      const [agent] = (await platform().get<{ agents: Agent[] }>('agents', { environment: ENVIRONMENT })).agents
      const isOnline = agent?.connectivity === 'online' && Date.parse(agent.last_heartbeat_at ?? '') > called
      return isOnline && agent.agent_id !== null && { ...agent, agent_id: agent.agent_id }
    },
    PATIENT_TIMEOUT_MS,
  )
  console.log(`online after ${Date.now() - called} ms`)
  return online
}

/** Returns the owners of the processes of the installation. */
export async function owners({ machine }: Scene): Promise<string[]> {
  return (await machine.run(LIST_OWNERS)).trim().split('\n')
}

/** Returns the command lines of all processes. */
export async function commandLines({ machine }: Scene): Promise<string> {
  return machine.run('cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " "')
}
