import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { attempt } from '../attempt.ts'
import { type BootOptions, ENDS_WITH_PARENT, type Machine } from '../machine/machine.ts'
import { createTap, type MachineNetwork, removeLink } from '../machine/machine-network.ts'
import { endProcess, isAlive, type KnownProcess, startDaemon } from '../processes.ts'
import type { Absence } from '../real.ts'
import { eventually, hasProgram, type RunOptions, run, START_TIMEOUT_MS } from '../run.ts'
import { findImage } from './vm-image.ts'

const SCRIPT = fileURLToPath(new URL('vm.sh', import.meta.url))

const REQUIRED_PROGRAMS = ['bash', 'ip', 'setpriv', 'ssh', 'unshare']

const MEMORY = '3G'

/** Time that a boot has, in milliseconds: half a minute on a quiet machine. A kernel that ends fails at once. */
const BOOT_TIMEOUT_MS = 3 * START_TIMEOUT_MS

/** Facts that another process needs to use a virtual machine. */
interface VmNote {
  readonly supervisor: KnownProcess
  readonly network: MachineNetwork
  readonly image: string
}

/** Returns what this machine lacks to start a virtual machine. */
export async function missingForVm(): Promise<Absence> {
  if (process.getuid?.() !== 0) return { missing: 'starting a virtual machine needs root' }
  if (process.arch !== 'x64')
    return { missing: 'the kernel of virtual machines runs on x64 alone', isUnattainable: true }
  for (const program of REQUIRED_PROGRAMS)
    if (!(await hasProgram(program))) return { missing: `\`${program}\` is not installed` }
  if (findImage() === undefined) return { missing: 'the virtual machine is not built; run `npm run rig -- vm build`' }
  return {}
}

/**
 * Starts a virtual machine that ends with this process at the latest, and waits until its services were started: a
 * Debian 13 with systemd, control groups of version 2 with all controllers, Docker and Podman. Its kernel is a program,
 * User Mode Linux: one processor, a quarter of the speed, and no pressure files.
 *
 * @param share directory of this host that the machine sees; its changes there are its own
 * @throws Error when something is missing, or with the end of its console
 */
export async function startVm(share?: string): Promise<Machine> {
  const { missing } = await missingForVm()
  if (missing !== undefined) throw new Error(`Cannot start a virtual machine: ${missing}.`)
  return bootVm(mkdtempSync(join(tmpdir(), 'rca-vm-')), { prefix: ENDS_WITH_PARENT, share })
}

/** Boots a virtual machine in a directory that may hold its disk. */
export async function bootVm(folder: string, { prefix = [], share }: BootOptions = {}): Promise<Machine> {
  const image = findImage() ?? ''
  const network = await createTap()
  const { link, address, hostAddress } = network
  const parameters = [`rig.address=${address}`, `rig.host=${hostAddress}`]
  if (share !== undefined) parameters.push(`rig.share=${share}`)
  const command = [...prefix, 'env', `RCA_VM_MEMORY=${MEMORY}`, 'bash', SCRIPT, folder, image, link, ...parameters]
  const supervisor = await startDaemon(command, join(folder, 'log'))
  const note: VmNote = { supervisor, network, image }
  writeFileSync(join(folder, 'vm.json'), JSON.stringify(note))
  const vm = vmOf(folder, note)
  try {
    await vm.waitForBoot()
    return vm
  } catch (error) {
    await vm.stop()
    throw error
  }
}

/** Returns the running virtual machine of a directory. */
export function findVm(folder: string): Machine | undefined {
  const note = attempt(() => JSON.parse(readFileSync(join(folder, 'vm.json'), 'utf8')) as VmNote)
  return note !== undefined && isAlive(note.supervisor) ? vmOf(folder, note) : undefined
}

const BOOT_ID = 'cat /proc/sys/kernel/random/boot_id'

/** Prints the id of the boot when all services were started. */
const IS_UP = `case $(systemctl is-system-running) in running | degraded) ${BOOT_ID} ;; *) false ;; esac`

const SSH_OPTIONS = [
  ...['LogLevel=ERROR', 'StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'IdentitiesOnly=yes'],
  ...['ConnectTimeout=60', 'ServerAliveInterval=10', 'ServerAliveCountMax=30'],
].flatMap((option) => ['-o', option])

function vmOf(folder: string, { supervisor, network, image }: VmNote) {
  const words = (...words: string[]): string[] => {
    const terminal = process.stdin.isTTY ? ['-t'] : []
    const target = ['-i', join(image, 'key'), ...SSH_OPTIONS, `root@${network.address}`]
    return ['ssh', ...terminal, ...target, words.map(quote).join(' ')]
  }
  const runWords = async (command: string, options: RunOptions = {}): Promise<string> => {
    const [program = '', ...args] = words('bash', '--norc', '-c', command)
    return run(program, args, options)
  }
  /** Waits for another boot than the previous one. */
  const waitForBoot = async (previous?: string): Promise<void> => {
    const check = async (): Promise<boolean> => {
      const boot = await runWords(IS_UP).catch(() => undefined)
      return boot !== undefined && boot !== previous
    }
    const isHopeless = (): boolean => !isAlive(supervisor)
    if (await eventually(check, { timeout: BOOT_TIMEOUT_MS, interval: 500, isHopeless })) return
    const console = attempt(() => readFileSync(join(folder, 'console'), 'utf8').slice(-2000))
    throw new Error(`The virtual machine ${basename(folder)} did not start:\n${console}`)
  }
  const restart = async (begin: () => Promise<unknown> | unknown): Promise<void> => {
    const previous = await runWords(BOOT_ID)
    await begin()
    await waitForBoot(previous)
  }
  return {
    address: network.address,
    hostAddress: network.hostAddress,
    run: runWords,
    words,
    // The command ends with the machine.
    reboot: () => restart(() => runWords('systemctl reboot').catch(() => undefined)),
    kill: () => restart(() => process.kill(supervisor.pid, 'SIGUSR1')),
    stop: async () => {
      await endProcess(supervisor)
      await removeLink(network)
      await rm(folder, { recursive: true, force: true })
    },
    waitForBoot,
  } satisfies Machine & { waitForBoot(previous?: string): Promise<void> }
}

/** Quotes a word for the shell of the SSH server. */
function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}
