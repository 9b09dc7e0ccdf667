import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { attempt } from '../attempt.ts'
import { PAUSE_SCRIPT } from '../docker/test-images.ts'
import { endProcess, isAlive, type KnownProcess, startDaemon } from '../processes.ts'
import type { Absence } from '../real.ts'
import { eventually, hasProgram, type RunOptions, run, START_TIMEOUT_MS, succeeds } from '../run.ts'
import { connectMachine, createLink, type MachineNetwork, removeLink } from './machine-network.ts'
import { findRoot, type Init, initOf, type MachineSystem } from './machine-root.ts'

/** A machine of its own for programs: processes, users, services, disk, network, reboots. The kernel is the host's. */
export interface Machine {
  readonly address: string
  /** Address of this host for the machine. The machine reaches nothing else. */
  readonly hostAddress: string
  /** Runs a command of bash as root, and returns its output. @throws Error with its standard error if it fails */
  run(command: string, options?: Pick<RunOptions, 'input' | 'timeout'>): Promise<string>
  /** Returns the words that run a program in the machine, as root, from this host. */
  words(...words: string[]): string[]
  /** Reboots as from inside, and waits until the machine is up again. Without an init system, the same as `kill`. */
  reboot(): Promise<void>
  /** Cuts the power, and waits until the machine is up again. */
  kill(): Promise<void>
  /** Ends the machine, and deletes its disk. */
  stop(): Promise<void>
}

interface InitSystem {
  readonly words: readonly string[]
  /** Succeeds when all services were started. */
  readonly isUp: string
  readonly reboot?: string
}

const INIT_SYSTEMS: Readonly<Record<Init, InitSystem>> = {
  systemd: {
    words: ['/lib/systemd/systemd', '--system'],
    isUp: 'case $(systemctl is-system-running) in running | degraded) ;; *) false ;; esac',
    reboot: 'systemctl reboot',
  },
  openrc: {
    words: ['/sbin/init'],
    isUp: '[ "$(cat /run/openrc/softlevel)" = default ] && ! [ -e /run/openrc/rc.starting ]',
    reboot: 'reboot',
  },
  none: { words: ['/bin/sh', '-c', PAUSE_SCRIPT], isUp: 'true' },
}

/** Succeeds when the first process no longer has the root directory of this host. */
const HAS_OWN_ROOT = '[ -e /run/boot_id ] && [ ! -e /.old ]'

const REQUIRED_PROGRAMS = ['bash', 'chroot', 'ip', 'mount', 'nsenter', 'pivot_root', 'setpriv', 'unshare']

const NAMESPACES = ['--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup', '--time']

const ENVIRONMENT = [
  'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  'HOME=/root',
  'LANG=C.UTF-8',
  'TERM=dumb',
]

/** Facts that another process needs to use a machine. */
interface MachineNote {
  readonly supervisor: KnownProcess
  readonly network: MachineNetwork
  readonly init: Init
}

/** Returns what this machine lacks to start a machine of a system. */
export async function missingForMachine(system: MachineSystem = {}): Promise<Absence> {
  if (cgroupTree() === undefined) return { missing: 'there is no cgroup2 tree', isUnattainable: true }
  if (process.getuid?.() !== 0) return { missing: 'starting a machine needs root' }
  for (const program of REQUIRED_PROGRAMS)
    if (!(await hasProgram(program))) return { missing: `\`${program}\` is not installed` }
  if (!(await succeeds('unshare', [...NAMESPACES, '--fork', 'true'])))
    return { missing: 'namespaces cannot be created here', isUnattainable: true }
  if (findRoot(system) === undefined)
    return { missing: 'the system of the machine is not built; run `npm run rig -- machine build`' }
  return {}
}

/**
 * Starts a machine that ends with this process at the latest, and waits until its services were started.
 *
 * @param share directory of this host that the machine sees; its changes there are its own
 * @throws Error when something is missing, or with the end of its log
 */
export async function startMachine(system: MachineSystem = {}, share?: string): Promise<Machine> {
  const { missing } = await missingForMachine(system)
  if (missing !== undefined) throw new Error(`Cannot start a machine: ${missing}.`)
  const folder = mkdtempSync(join(tmpdir(), 'rca-machine-'))
  return bootMachine(folder, system, { prefix: ENDS_WITH_PARENT, share })
}

/** Words before a command that make it end with the process that starts it. */
export const ENDS_WITH_PARENT: readonly string[] = ['setpriv', '--pdeathsig', 'TERM']

export interface BootOptions {
  /** Words before the command that runs the machine. @default it outlives this process */
  readonly prefix?: readonly string[]
  /** Directory of this host that the machine sees; its changes there are its own. @default none */
  readonly share?: string | undefined
}

/** Boots a machine in a directory that may hold its disk. The last part of the directory's name is the host name. */
export async function bootMachine(
  folder: string,
  system: MachineSystem,
  { prefix = [], share = '' }: BootOptions = {},
): Promise<Machine> {
  for (const name of ['upper', 'work', 'root']) mkdirSync(join(folder, name), { recursive: true })
  writeFileSync(join(folder, 'share'), share)
  const init = initOf(system)
  const network = await createLink()
  const script = fileURLToPath(new URL('machine.sh', import.meta.url))
  const cgroup = join(cgroupTree() ?? '', network.link)
  const args = [folder, findRoot(system) ?? '', cgroup, network.hostAddress, ...INIT_SYSTEMS[init].words]
  const command = [...prefix, 'unshare', '--net', 'bash', script, 'supervise', ...args]
  const supervisor = await startDaemon(command, join(folder, 'log'))
  writeFileSync(join(folder, 'machine.json'), JSON.stringify({ supervisor, network, init } satisfies MachineNote))
  const machine = machineOf(folder, { supervisor, network, init })
  try {
    await eventually(() => hasOwnNetwork(supervisor), { interval: 10 })
    await connectMachine(network, supervisor.pid)
    await machine.waitForBoot()
    return machine
  } catch (error) {
    await machine.stop()
    throw error
  }
}

/** Returns the running machine of a directory. */
export function findMachine(folder: string): Machine | undefined {
  const note = attempt(() => JSON.parse(readFileSync(join(folder, 'machine.json'), 'utf8')) as MachineNote)
  return note !== undefined && isAlive(note.supervisor) ? machineOf(folder, note) : undefined
}

function machineOf(folder: string, { supervisor, network, init }: MachineNote) {
  const { isUp, reboot } = INIT_SYSTEMS[init]
  const initPid = (): string | undefined => attempt(() => readFileSync(join(folder, 'init.pid'), 'utf8').trim())
  const words = (...words: string[]): string[] => {
    const pid = initPid()
    if (pid === undefined) throw new Error(`The machine ${basename(folder)} does not run.`)
    return ['nsenter', `--target=${pid}`, ...NAMESPACES, '--root', '--wd', 'env', '-i', ...ENVIRONMENT, ...words]
  }
  const runWords = async (command: string, options: RunOptions = {}): Promise<string> => {
    // With a socket as its standard input, bash would read the settings of an interactive shell.
    const [program = '', ...args] = words('bash', '--norc', '-c', command)
    return run(program, args, options)
  }
  /** Waits for another boot than that of the previous first process. */
  const waitForBoot = async (previous?: string): Promise<void> => {
    const check = async (): Promise<boolean> => {
      const pid = initPid()
      return (
        pid !== undefined &&
        pid !== previous &&
        (await runWords(`${HAS_OWN_ROOT} && ${isUp}`).then(
          () => true,
          () => false,
        ))
      )
    }
    const isHopeless = (): boolean => !isAlive(supervisor)
    if (await eventually(check, { timeout: START_TIMEOUT_MS, isHopeless })) return
    throw new Error(`The machine did not start:\n${readFileSync(join(folder, 'log'), 'utf8').slice(-2000)}`)
  }
  const kill = async (): Promise<void> => {
    const previous = initPid()
    process.kill(supervisor.pid, 'SIGUSR1')
    await waitForBoot(previous)
  }
  return {
    address: network.address,
    hostAddress: network.hostAddress,
    run: runWords,
    words,
    kill,
    reboot: async () => {
      if (reboot === undefined) return kill()
      const previous = initPid()
      // The command ends with the machine.
      await runWords(reboot).catch(() => undefined)
      await waitForBoot(previous)
    },
    stop: async () => {
      await endProcess(supervisor)
      await removeLink(network)
      await rm(folder, { recursive: true, force: true })
    },
    waitForBoot,
  } satisfies Machine & { waitForBoot(previous?: string): Promise<void> }
}

function hasOwnNetwork({ pid }: KnownProcess): boolean {
  const inode = (pid: number | 'self') => attempt(() => readlinkSync(`/proc/${pid}/ns/net`))
  return inode(pid) !== inode('self')
}

/** Returns the mount point of the host's cgroup2 tree. */
function cgroupTree(): string | undefined {
  const mounts = attempt(() => readFileSync('/proc/self/mounts', 'utf8')) ?? ''
  return mounts
    .split('\n')
    .map((line) => line.split(' '))
    .find(([, , type]) => type === 'cgroup2')?.[1]
}
